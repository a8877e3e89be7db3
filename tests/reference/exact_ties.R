# Computes the answers of the case about Cox models with exact ties in R and writes them to
# tests/reference/cases/cox_exact_ties/. Run from the root of the repository: make reference

suppressMessages({
  library(survival)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
CONVERGED <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 50)
source(file.path("tests", "reference", "quantities.R"))

# Months begun, so that many deaths are tied. With late entry R writes out every set: few patients, and few ties.
d <- with(subset(lung, !is.na(ph.ecog)), data.frame(
  month = ceiling(time / 30.4375), event = as.integer(status == 2), age, sex, ecog = ph.ecog))
d$rows <- ifelse(seq_len(nrow(d)) %% 6 == 0, "few", "rest")
d$entry <- ifelse(seq_len(nrow(d)) %% 4 == 0, pmin(floor(d$month / 2), 4), 0)
few <- subset(d, rows == "few")
d$offset <- 0.02 * (d$age - 60)
fits <- list(
  plain = list(f = Surv(month, event) ~ age + sex + ecog, spec = list(formula = "age + sex + ecog")),
  strata = list(f = Surv(month, event) ~ age + ecog + strata(sex), spec = list(formula = "age + ecog", strata = "sex")),
  late = list(f = Surv(entry, month, event) ~ age + sex + ecog, 
              spec = list(formula = "age + sex + ecog", entry = "entry", rows = "few")),
  offset = list(f = Surv(month, event) ~ sex + ecog + offset(offset), spec = list(formula = "sex + ecog + offset(offset)"))
)
of_chisq <- function(x, fit) c(x, length(fit$coefficients), pchisq(x, length(fit$coefficients), lower.tail = FALSE))
values <- list()
for (name in names(fits)) {
  fit <- coxph(fits[[name]]$f, if (name == "late") few else d, ties = "exact", control = CONVERGED)
  r <- paste0("coxph(", deparse1(fits[[name]]$f), ", ties = \"exact\")", if (name == "late") " of the few")
  values <- c(values, named(name, list(
    # agexact gives no class, so that the parts are taken as they are
    coef = value(unname(fit$coefficients), r), se = value(sqrt(diag(fit$var)), r),
    loglik_null = value(fit$loglik[1], r), loglik = value(fit$loglik[2], r),
    score_test = value(of_chisq(fit$score, fit), r), wald_test = value(of_chisq(unname(fit$wald.test), fit), r))))
}
write_case(
  "cox_exact_ties", "Cox models of months with the exact partial likelihood", d,
  list(outcome = list(time = "month", event = "event"),
       analyses = lapply(fits, function(x) c(list(kind = "cox", ties = "exact"), x$spec))),
  values, script = "exact_ties.R"
)
