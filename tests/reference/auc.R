# Computes AUC(t) and its differences in R (riskRegression) and writes them to tests/reference/cases/auc_*/. Run from the
# root of the repository: make reference
# On Debian: apt-get install r-cran-jsonlite r-cran-riskregression

suppressMessages({
  library(survival)
  library(riskRegression)
  library(prodlim)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
source(file.path("tests", "reference", "quantities.R"))

# Without `conservative` the standard error counts that the censoring curve was estimated.
score <- function(d, risks, times, formula, conservative, ...) {
  Score(risks, formula = formula, data = d, times = times, metrics = "auc", cens.model = "km", se.fit = TRUE,
        null.model = FALSE, conservative = conservative, contrasts = list(c(1, 2)), ...)$AUC
}

columns <- function(s, names) as.list(as.data.frame(s)[, names, drop = FALSE])

values_of <- function(d, risks, times, formula, ...) {
  s <- score(d, risks, times, formula, FALSE, ...)
  plain <- score(d, risks, times, formula, TRUE, ...)
  known <- "Score(metrics = 'auc', cens.model = 'km', conservative = TRUE)"
  counted <- "Score(metrics = 'auc', cens.model = 'km', conservative = FALSE)"
  out <- list()
  of <- function(s, name, wanted) {
    table <- as.data.frame(s$score)
    as.list(table[table$model == name, wanted, drop = FALSE])
  }
  for (name in c("first", "second")) {
    out[[paste0("auc_", name)]] <- value(of(s, name, "AUC"), known, "exact")
    out[[paste0("error_", name)]] <- value(of(s, name, c("se", "lower", "upper")), counted)
    out[[paste0("conservative_", name)]] <- value(of(plain, name, "se"), known)
  }
  out$difference <- value(columns(s$contrasts, "delta.AUC"), known, "exact")
  out$difference_error <- value(columns(s$contrasts, c("se", "lower", "upper", "p")), counted)
  out$difference_conservative <- value(columns(plain$contrasts, c("se", "lower", "upper", "p")), known)
  out
}

write_auc <- function(id, title, d, times, formula, kinds, by = NULL, ...) {
  risks_of <- function(d) list(first = matrix(rep(d$first, length(times)), ncol = length(times)),
                               second = matrix(rep(d$second, length(times)), ncol = length(times)))
  values <- values_of(d, risks_of(d), times, formula, ...)
  settings <- list(times = times, kinds = unbox(kinds))
  if (!is.null(by)) {
    # within strata: Score of each, weighted by rows
    settings$by <- unbox(by)
    total <- 0
    for (level in sort(unique(d[[by]]))) {
      own <- d[d[[by]] == level, ]
      s <- score(own, risks_of(own), times, formula, FALSE, ...)$score
      one <- as.data.frame(s[s$model == "first", ])
      values[[paste0("stratum_", level)]] <- value(list(AUC = one$AUC, se = one$se), "Score of the rows of one stratum")
      total <- total + one$AUC * nrow(own) / nrow(d)
    }
    values$within <- value(list(AUC = total), "sum of AUC by stratum times share of its rows", "exact")
  }
  write_case(id, title, d, settings, values, c("survival", "riskRegression", "prodlim"), "auc.R")
}

# Lung cancer: times in whole months, so that deaths and censorings stand at the same times; sex ties half of the risks.
lung <- subset(survival::lung, complete.cases(age, sex, ph.ecog))
d <- data.frame(time = ceiling(lung$time / 30.4375), event = lung$status - 1, sex = lung$sex)
fit <- coxph(Surv(time, event) ~ age + sex + ph.ecog, data = cbind(d[1:2], lung[c("age", "sex", "ph.ecog")]))
d$first <- round(predict(fit, type = "risk"), 12)
d$second <- round(ifelse(d$sex == 1, 0.7, 0.4) + lung$ph.ecog / 10, 12)
write_auc("auc_lung", "AUC(t) of two indices of lung cancer, times in months tied", d, c(3, 6, 12, 18),
          Surv(time, event) ~ 1, 1L)

# The same without tied times: every row at a time of its own; and within the two sexes.
d$time <- d$time + rank(lung$time + seq_len(nrow(lung)) / 1e5) / 1000
write_auc("auc_lung_no_ties", "AUC(t) of two indices of lung cancer, no tied times", d, c(3, 6, 12, 18),
          Surv(time, event) ~ 1, 1L, by = "sex")

# Melanoma: death of the tumour, and of other causes, who are controls.
data(Melanoma, package = "riskRegression")
d <- data.frame(time = Melanoma$time / 365.25 + seq_len(nrow(Melanoma)) / 1e6, event = Melanoma$status,
                first = round(Melanoma$logthick + (Melanoma$ulcer == "present"), 12), second = Melanoma$age)
write_auc("auc_melanoma", "AUC(t) of two indices of one of two competing events", d, c(2, 4, 7), Hist(time, event) ~ 1, 2L,
          cause = 1)
