# Computes net benefits under censoring in R (survival) and writes them to tests/reference/cases/decision_*/. Run from
# the root of the repository: make reference

suppressMessages({
  library(survival)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
source(file.path("tests", "reference", "quantities.R"))

# Risk of the event 1 by the horizon, and its derivatives by the weights of the rows. Of competing events they are taken
# by differences: influence.pstate of survival 3.5-3 differs from them, and from its own std.err, at some horizons.
observed <- function(d, horizon) {
  if (max(d$event) > 1) {
    risk <- function(w) {
      fit <- suppressWarnings(survfit(Surv(time, factor(event, 0:2)) ~ 1, d, weights = w))
      at <- findInterval(horizon, fit$time)
      if (at == 0) 0 else fit$pstate[at, 2]
    }
    one <- rep(1, nrow(d))
    changed <- function(i, by) replace(one, i, 1 + by)
    slope <- function(i) (risk(changed(i, 1e-4)) - risk(changed(i, -1e-4))) / 2e-4
    return(list(risk = risk(one), influence = vapply(seq_len(nrow(d)), slope, 0)))
  }
  fit <- survfit(Surv(time, event) ~ 1, d, influence = TRUE)
  at <- findInterval(horizon, fit$time)
  if (at == 0) return(list(risk = 0, influence = numeric(nrow(d))))
  list(risk = 1 - fit$surv[at], influence = -fit$influence.surv[, at])
}

# Net benefit of treating the rows of `high`, what each row contributes to it.
net_benefit <- function(d, high, threshold, horizon) {
  n <- nrow(d)
  odds <- threshold / (1 - threshold)
  if (!any(high)) return(list(value = 0, own = numeric(n)))
  o <- observed(d[high, ], horizon)
  gain <- (1 + odds) * o$risk - odds
  value <- mean(high) * gain
  own <- -rep(value / n, n)
  own[high] <- own[high] + gain / n + mean(high) * (1 + odds) * o$influence
  list(value = value, own = own)
}
error <- function(own) sqrt(sum(own^2) * length(own) / (length(own) - 1))

write_decision <- function(id, title, d, thresholds, horizon, kinds, by = NULL) {
  call <- "net benefit from survfit() of the rows at or above the threshold"
  derivatives <- if (kinds == 1) "survfit(influence = TRUE)" else "differences of survfit(weights) by the weights"
  of <- function(d, risk) lapply(thresholds, function(p) net_benefit(d, risk >= p, p, horizon))
  found <- list(all = of(d, rep(1, nrow(d))), first = of(d, d$first), second = of(d, d$second))
  values <- list()
  for (name in names(found)) {
    values[[paste0("benefit_", name)]] <- value(sapply(found[[name]], `[[`, "value"), call, "exact")
    values[[paste0("error_", name)]] <- value(sapply(found[[name]], function(x) error(x$own)), derivatives, rtol = 1e-7)
  }
  pairs <- function(a, b) mapply(function(x, y) error(x$own - y$own), found[[a]], found[[b]])
  values$difference_error <- value(list(first_all = pairs("first", "all"), second_first = pairs("second", "first")),
                                   derivatives, rtol = 1e-7)
  if (!is.null(by)) {
    total <- 0
    for (level in unique(d[[by]])) {
      rows <- d[[by]] == level
      total <- total + mean(rows) * sapply(of(d[rows, ], d$first[rows]), `[[`, "value")
    }
    values$within <- value(total, "mean of net benefits by stratum", "exact")
  }
  settings <- list(thresholds = thresholds, horizon = unbox(horizon), kinds = unbox(kinds), by = unbox(by %||% ""))
  write_case(id, title, d, settings, values, "survival", "decision.R")
}
`%||%` <- function(a, b) if (is.null(a)) b else a

# Lung cancer: times in whole months, so that deaths and censorings stand at the same times.
lung <- subset(survival::lung, complete.cases(age, sex, ph.ecog))
d <- data.frame(time = ceiling(lung$time / 30.4375), event = lung$status - 1, sex = lung$sex, age = lung$age,
                ecog = lung$ph.ecog)
risk_of <- function(fit) round(1 - drop(summary(survfit(fit, newdata = d), times = 12)$surv), 12)
d$first <- risk_of(coxph(Surv(time, event) ~ age + sex + ecog, d))
d$second <- risk_of(coxph(Surv(time, event) ~ sex, d))
write_decision("decision_lung", "Net benefit of two models of lung cancer at a year, times in months tied",
               d[c("time", "event", "sex", "first", "second")], c(0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95), 12, 1L, by = "sex")

# Primary biliary cholangitis: transplant competes with death.
p <- subset(survival::pbc, !is.na(trt))
d <- data.frame(time = p$time / 365.25, event = c(0, 2, 1)[p$status + 1], bili = log(p$bili), age = p$age)
d$first <- round(plogis(-2 + d$bili), 12)
d$second <- round(plogis(-4 + d$age / 20), 12)
write_decision("decision_pbc", "Net benefit of two risks of death where transplant competes",
               d[c("time", "event", "first", "second")], c(0.05, 0.1, 0.2, 0.3, 0.5, 0.9), 6, 2L)
