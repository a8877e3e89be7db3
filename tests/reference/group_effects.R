# Computes the answers of the case about the effect of a covariate by group in R and writes them to
# tests/reference/cases/group_effects/. Run from the root of the repository: make reference
# On Debian: apt-get install r-cran-jsonlite r-cran-metafor

suppressMessages({
  library(survival)
  library(metafor)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
CONVERGED <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)
source(file.path("tests", "reference", "quantities.R"))

# Institutions of the lung cancer trial with at least ten deaths.
raw <- survival::lung
deaths <- tapply(raw$status == 2, raw$inst, sum)
d <- subset(raw, inst %in% as.numeric(names(deaths)[deaths >= 10]), select = c(time, status, inst, age, sex))
d$status <- d$status - 1
levels <- sort(unique(d$inst))

analysis <- function(marker, other) {
  formula <- as.formula(sprintf("Surv(time, status) ~ %s + %s", marker, other))
  fits <- lapply(levels, function(one) coxph(formula, data = d[d$inst == one, ], control = CONVERGED))
  estimate <- sapply(fits, function(fit) coef(fit)[[1]])
  error <- sapply(fits, function(fit) sqrt(vcov(fit)[1, 1]))
  fixed <- rma(yi = estimate, sei = error, method = "FE")
  random <- rma(yi = estimate, sei = error, method = "REML", control = list(threshold = 1e-12, maxiter = 10000))
  one <- coxph(as.formula(sprintf("Surv(time, status) ~ %s + %s + strata(inst)", marker, other)), data = d,
               control = CONVERGED)
  own <- coxph(as.formula(sprintf("Surv(time, status) ~ %s:factor(inst) + %s + strata(inst)", marker, other)), data = d,
               control = CONVERGED)
  r <- sprintf("coxph(~ %s + %s) by inst", marker, other)
  list(own = value(list(estimate = estimate, std_error = error), r),
       common = value(c(fixed$beta[[1]], fixed$se), "rma(method = 'FE')"),
       q = value(c(fixed$QE, fixed$QEp), "rma(method = 'FE')$QE"),
       tau_squared = value(random$tau2, "rma(method = 'REML')$tau2", rtol = 1e-6),
       interaction = value(2 * (own$loglik[2] - one$loglik[2]), "coxph(~ marker:factor(inst) + strata(inst))"))
}

subject <- function(marker, other) {
  list(kind = "group_effects", formula = paste(marker, "+", other), by = "inst", marker = marker)
}
write_case(
  "group_effects", "Effects of age and sex by institution in the lung cancer trial", d,
  list(analyses = list(age = subject("age", "sex"), sex = subject("sex", "age")),
       outcome = list(time = "time", event = "status")),
  c(named("age", analysis("age", "sex")), named("sex", analysis("sex", "age"))),
  packages = c("survival", "metafor"), script = "group_effects.R"
)
