# Computes the answers of the case about models and tests of competing risks in R and writes them to
# tests/reference/cases/competing_models/. Run from the root of the repository: make reference
# On Debian: apt-get install r-cran-jsonlite r-cran-cmprsk r-cran-riskregression

suppressMessages({
  library(survival)
  library(cmprsk)
  library(prodlim)
  library(riskRegression)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
FOLLICULAR <- file.path("notebooks", "studies", "follicular_lymphoma", "follicular_lymphoma.csv")
CONVERGED <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)
source(file.path("tests", "reference", "quantities.R"))

# ---- follicular lymphoma -----------------------------------------------------------------------------------------
# Whole quarters of a year, so that events of both causes and censorings are tied.

raw <- read.csv(FOLLICULAR)
f <- with(raw, data.frame(quarter = ceiling(4 * time), cause = as.integer(event), stage = fac_clinstg,
                          chemo = as.integer(fac_ch == "Y"), age = num_age, hgb = num_hgb))
f$age_group <- ifelse(f$age < 50, 1, ifelse(f$age < 65, 2, 3))
new <- data.frame(age = c(35, 60, 80), hgb = c(150, 130, 110), chemo = c(0, 1, 0), stage = c(1, 2, 1))
asked <- c(4, 20, 40, 80)

# ---- Gray's test -------------------------------------------------------------------------------------------------

gray <- function(by, strata, rho, r) {
  test <- if (is.null(strata)) cuminc(f$quarter, f$cause, f[[by]], rho = rho)$Tests
          else cuminc(f$quarter, f$cause, f[[by]], strata = f[[strata]], rho = rho)$Tests
  # 1 - pchisq(), which cuminc prints, has no digits left for a small p
  p <- pchisq(test[, "stat"], test[, "df"], lower.tail = FALSE)
  value(list(stat = test[, "stat"], df = test[, "df"], p = p), r, "exact")
}
values <- list(
  stage.gray = gray("stage", NULL, 0, "cuminc(quarter, cause, stage)$Tests"),
  age.gray = gray("age_group", NULL, 0, "cuminc(quarter, cause, age_group)$Tests"),
  age_rho.gray = gray("age_group", NULL, 1, "cuminc(quarter, cause, age_group, rho = 1)$Tests"),
  age_in_stage.gray = gray("age_group", "stage", 0, "cuminc(quarter, cause, age_group, strata = stage)$Tests"),
  age_in_stage_rho.gray = gray("age_group", "stage", 0.5,
                               "cuminc(quarter, cause, age_group, strata = stage, rho = 0.5)$Tests")
)

# ---- Fine-Gray ---------------------------------------------------------------------------------------------------

x <- as.matrix(f[, c("age", "hgb", "chemo")])
new_x <- as.matrix(new[, c("age", "hgb", "chemo")])
subdistribution <- function(cause, groups, r) {
  fit <- if (is.null(groups)) crr(f$quarter, f$cause, x, failcode = cause, gtol = 1e-14, maxiter = 50)
         else crr(f$quarter, f$cause, x, failcode = cause, cengroup = f[[groups]], gtol = 1e-14, maxiter = 50)
  steps <- predict(fit, new_x)
  cif <- t(rbind(0, steps[, -1])[1 + findInterval(asked, steps[, 1]), ])
  out <- list(coef = value(fit$coef, r), loglik = value(c(fit$loglik.null, fit$loglik), r),
              risk = value(cif, paste("predict of", r)))
  # survmodel deviates from crr within censoring groups, so that this value has a name of its own
  out[[if (is.null(groups)) "vcov" else "vcov_of_groups"]] <- value(fit$var, r)
  out
}
values <- c(
  values,
  named("crr_relapse", subdistribution(1, NULL, "crr(quarter, cause, x, failcode = 1)")),
  named("crr_death", subdistribution(2, NULL, "crr(quarter, cause, x, failcode = 2)")),
  named("crr_within_stage", subdistribution(1, "stage", "crr(quarter, cause, x, cengroup = stage)"))
)

# ---- cause-specific Cox ------------------------------------------------------------------------------------------

hazards <- function(fit, r) {
  risk <- function(cause, limit) {
    value(predict(fit, newdata = new, times = asked, cause = cause, product.limit = limit)$absRisk,
          sprintf("predict(%s, cause = %d, product.limit = %s)", r, cause, limit))
  }
  list(coef = value(lapply(unname(coef(fit)), unname), paste("coef of", r)),
       risk_1 = risk(1, TRUE), risk_2 = risk(2, TRUE), risk_exp_1 = risk(1, FALSE), risk_exp_2 = risk(2, FALSE))
}
one <- CSC(Hist(quarter, cause) ~ age + hgb + chemo, data = f, control = CONVERGED)
own <- CSC(list(Hist(quarter, cause) ~ age + chemo + strata(stage), Hist(quarter, cause) ~ age + strata(stage)),
           data = f, control = CONVERGED)
values <- c(values, named("hazards", hazards(one, "CSC(~ age + hgb + chemo)")),
            named("hazards_in_stage", hazards(own, "CSC(list(~ age + chemo + strata(stage), ~ age + strata(stage)))")))

subject <- function(kind, ...) list(kind = kind, causes = 2, ...)
regression <- list(formula = "age + hgb + chemo", newdata = new, times = asked)
write_case(
  "competing_models", "Gray's test, Fine-Gray and cause-specific Cox models in follicular lymphoma, times tied", f,
  list(outcome = list(time = "quarter", event = "cause"), analyses = list(
    stage = subject("gray", by = "stage"),
    age = subject("gray", by = "age_group"),
    age_rho = subject("gray", by = "age_group", rho = 1),
    age_in_stage = subject("gray", by = "age_group", strata = "stage"),
    age_in_stage_rho = subject("gray", by = "age_group", strata = "stage", rho = 0.5),
    crr_relapse = c(subject("fine_gray", cause = 1), regression),
    crr_death = c(subject("fine_gray", cause = 2), regression),
    crr_within_stage = c(subject("fine_gray", cause = 1, censoring_groups = "stage"), regression),
    hazards = c(subject("cause_specific"), regression),
    hazards_in_stage = subject("cause_specific", formula = list("1" = "age + chemo", "2" = "age"), strata = "stage",
                               newdata = new, times = asked))),
  values, packages = c("survival", "cmprsk", "riskRegression", "prodlim"), script = "competing.R"
)
