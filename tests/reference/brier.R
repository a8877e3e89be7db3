# Computes Brier scores in R (riskRegression) and writes them to tests/reference/cases/brier_*/. Run from the root of
# the repository: make reference
# On Debian: apt-get install r-cran-jsonlite r-cran-riskregression

suppressMessages({
  library(survival)
  library(riskRegression)
  library(prodlim)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
source(file.path("tests", "reference", "quantities.R"))

# Scores of predicted risks (a matrix of one model, a column for each time). Without `conservative` the standard error
# counts that the censoring curve was estimated.
score <- function(d, risks, times, formula, conservative, ...) {
  s <- Score(risks, formula = formula, data = d, times = times, metrics = "brier", cens.model = "km", se.fit = TRUE,
             null.model = TRUE, conservative = conservative, summary = c("ibs", "ipa"), contrasts = FALSE, ...)
  as.data.frame(s$Brier$score)
}

columns <- function(s, model, names) as.list(s[s$model == model, names, drop = FALSE])

# `few` are the times of single scores, `dense` all event times up to the horizon.
values_of <- function(d, predict_at, few, dense, tau, formula, ...) {
  out <- list()
  s <- score(d, predict_at(few), few, formula, FALSE, ...)
  plain <- score(d, predict_at(few), few, formula, TRUE, ...)
  for (model in c("first", "second", "Null model")) {
    name <- sub(" .*", "", tolower(model))
    out[[paste0("score_", name)]] <- value(columns(s, model, c("Brier", "IPA")), "Score(cens.model = 'km')")
    out[[paste0("error_", name)]] <- value(columns(s, model, c("se", "lower", "upper")),
                                           "Score(cens.model = 'km', conservative = FALSE)")
    out[[paste0("conservative_", name)]] <- value(columns(plain, model, "se"), "Score(conservative = TRUE)")
  }
  grid <- sort(unique(c(dense, tau)))
  i <- score(d, predict_at(grid), grid, formula, TRUE, ...)
  for (model in c("first", "second", "Null model")) {
    name <- sub(" .*", "", tolower(model))
    out[[paste0("integrated_", name)]] <- value(i$IBS[i$model == model & i$times == tau], "Score(summary = 'ibs')")
  }
  out
}

write_brier <- function(id, title, d, fits, few, tau, formula, kinds, predict, ...) {
  dense <- sort(unique(d$time[d$event == 1 & d$time <= tau]))
  predict_at <- function(times) lapply(fits, function(fit) predict(fit, times))
  values <- values_of(d, predict_at, few, dense, tau, formula, ...)
  grid <- sort(unique(c(few, dense)))
  risks <- predict_at(grid)
  for (model in names(risks)) {
    for (k in seq_along(grid)) d[[sprintf("%s_%d", model, k)]] <- risks[[model]][, k]
  }
  settings <- list(times = few, grid = grid, tau = unbox(tau), kinds = unbox(kinds))
  write_case(id, title, d, settings, values, c("survival", "riskRegression", "prodlim"), "brier.R")
}

# Lung cancer: times in whole months, so that deaths and censorings stand at the same times.
lung <- subset(survival::lung, complete.cases(age, sex, ph.ecog))
d <- data.frame(time = ceiling(lung$time / 30.4375), event = lung$status - 1, age = lung$age, sex = lung$sex,
                ecog = lung$ph.ecog)
fits <- list(first = coxph(Surv(time, event) ~ age + sex + ecog, data = d, x = TRUE),
             second = coxph(Surv(time, event) ~ sex, data = d, x = TRUE))
cox_risk <- function(fit, times) {
  s <- summary(survfit(fit, newdata = d), times = times, extend = TRUE)
  round(1 - t(s$surv), 12)
}
write_brier("brier_lung", "Brier scores of two Cox models of lung cancer, times in months tied", d, fits,
            c(3, 6, 12, 18), 18, Surv(time, event) ~ 1, 1L, cox_risk)

# Seventy of them without ties: every row at a time of its own.
d <- d[seq_len(70), ]
d$time <- d$time + rank(lung$time[seq_len(70)] + seq_len(70) / 1e5) / 1000
fits <- list(first = coxph(Surv(time, event) ~ age + sex + ecog, data = d, x = TRUE),
             second = coxph(Surv(time, event) ~ sex, data = d, x = TRUE))
write_brier("brier_lung_no_ties", "Brier scores of two Cox models of lung cancer, no tied times", d, fits,
            c(3, 6, 12, 18), 18, Surv(time, event) ~ 1, 1L, cox_risk)

# Melanoma: death of the tumour, and of other causes.
data(Melanoma, package = "riskRegression")
d <- data.frame(time = Melanoma$time / 365.25, event = Melanoma$status, thick = Melanoma$logthick,
                ulcer = as.numeric(Melanoma$ulcer == "present"), age = Melanoma$age)
fits <- list(first = CSC(Hist(time, event) ~ thick + ulcer + age, data = d),
             second = CSC(Hist(time, event) ~ age, data = d))
write_brier("brier_melanoma", "Brier scores of risks of one of two competing events", d, fits, c(2, 4, 7), 7,
            Hist(time, event) ~ 1, 2L, function(fit, times) round(predictRisk(fit, newdata = d, times = times, cause = 1), 12),
            cause = 1)
