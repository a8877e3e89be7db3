# Computes Royston and Sauerbrei's D and Gonen and Heller's K in R (survival) and writes them to
# tests/reference/cases/separation_*/. Run from the root of the repository: make reference

suppressMessages({
  library(survival)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
source(file.path("tests", "reference", "quantities.R"))
CONVERGED <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)

explained <- function(beta) max(beta, 0)^2 / (pi^2 / 6 + max(beta, 0)^2)

# royston() has no strata of its own: scores ranked within strata, and a stratified model.
within <- function(d) {
  scores <- ave(d$index, d$by, FUN = function(x) {
    z <- qnorm((seq_along(x) - 3 / 8) / (length(x) + 1 / 4))
    ave(z[rank(x, ties.method = "first")], x)
  })
  fit <- coxph(Surv(time, event) ~ scores + strata(by), d, control = CONVERGED)
  beta <- unname(coef(fit))
  se <- sqrt(fit$var[1, 1])
  limits <- beta + c(-1, 1) * qnorm(0.975) * se
  list(D = beta * sqrt(8 / pi), se = se * sqrt(8 / pi), lower = limits[1] * sqrt(8 / pi), upper = limits[2] * sqrt(8 / pi),
       R2 = explained(beta), R2_lower = explained(limits[1]), R2_upper = explained(limits[2]))
}

# K over pairs of equal `by`, with the variance of its U-statistic and of the slope of the index, by the formulas.
pairs_of <- function(d, slope = 1) {
  apart <- abs(outer(d$index, d$index, "-")) * slope
  k <- 1 / (1 + exp(-apart)) * outer(d$by, d$by, "==")
  diag(k) <- 0
  k
}
agreement <- function(d) {
  count <- outer(d$by, d$by, "==")
  diag(count) <- FALSE
  k <- pairs_of(d)
  value <- sum(k) / sum(count)
  fit <- coxph(Surv(time, event) ~ index + strata(by), d, control = CONVERGED)
  rise <- (sum(pairs_of(d, 1 + 1e-5)) - sum(pairs_of(d, 1 - 1e-5))) / 2e-5 / sum(count)
  influence <- 2 * (rowSums(k) - value * rowSums(count)) / sum(count)
  list(K = value, se = sqrt(sum(influence^2) + rise^2 * fit$var[1, 1]))
}

write_separation <- function(id, title, d, by) {
  fit <- coxph(Surv(time, event) ~ index, d, control = CONVERGED)
  # royston() reads the linear predictor of a fit; with the index itself as an offset of slope 1 K is that of the index
  fit$linear.predictors <- d$index
  found <- royston(fit)
  d$by <- 1
  one <- agreement(d)
  d$by <- by
  values <- list(
    royston = value(list(D = found[["D"]], se = found[["se(D)"]], R2 = found[["R.D"]]), "royston(coxph(y ~ index))"),
    gonen_heller = value(list(K = found[["C.GH"]]), "royston(coxph(y ~ index))['C.GH']", "exact"),
    gonen_heller_error = value(list(se = one$se), "U-statistic and slope by the formulas", rtol = 1e-7),
    royston_within = value(within(d), "coxph(y ~ scores + strata(by)), scores within strata"),
    gonen_heller_within = value(list(K = agreement(d)$K), "mean of 1/(1 + exp(-|x_i - x_j|)) over pairs of a stratum", "exact"),
    gonen_heller_within_error = value(list(se = agreement(d)$se), "U-statistic and slope by the formulas", rtol = 1e-7)
  )
  write_case(id, title, d, list(by = "by"), values, "survival", "separation.R")
}

lung <- subset(survival::lung, complete.cases(age, sex, ph.ecog))
fit <- coxph(Surv(time, status) ~ age + sex + ph.ecog, lung, control = CONVERGED)
lung$index <- round(predict(fit, type = "lp"), 12)
d <- data.frame(time = lung$time, event = lung$status - 1, index = lung$index)
write_separation("separation_lung", "D and K of the index of a Cox model of lung cancer, few indices tied", d, lung$sex)
fit <- coxph(Surv(time, status) ~ sex + ph.ecog, lung, control = CONVERGED)
d$index <- round(predict(fit, type = "lp"), 12)
write_separation("separation_lung_ties", "D and K of an index of lung cancer with six values", d, lung$ph.ecog)
d <- data.frame(time = 1:6, event = c(1, 1, 1, 0, 1, 1), index = c(5, 6, 3, 4, 1, 2))
print(royston(coxph(Surv(time, event) ~ index, d)), digits = 8)
d$index <- c(1, 1.5, 0.5, 0.5, -0.5, 0); d$by <- 1
print(agreement(d), digits = 8)
