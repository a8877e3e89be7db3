# Computes the answers of the case about coefficients that change over time in R and writes them to
# tests/reference/cases/cox_time_varying/. Run from the root of the repository: make reference

suppressMessages({
  library(survival)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
CONVERGED <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 50)
source(file.path("tests", "reference", "quantities.R"))

d <- with(veteran, data.frame(time, event = status, karno, age, trt, prior = prior / 10))
d$entry <- ifelse(seq_len(nrow(d)) %% 4 == 0 & d$time > 20, 10, 0)
of_chisq <- function(x, df) c(x, df, pchisq(x, df, lower.tail = FALSE))
quantities <- function(fit, r, order = seq_along(coef(fit))) {
  list(coef = value(unname(coef(fit))[order], r), se = value(unname(sqrt(diag(vcov(fit))))[order], r),
       loglik = value(fit$loglik[2], r), loglik_null = value(fit$loglik[1], r),
       score_test = value(of_chisq(fit$score, length(coef(fit))), r))
}
by_log <- function(x, t, ...) x * log(t)

log_time <- coxph(Surv(time, event) ~ age + karno + tt(karno), d, tt = by_log, control = CONVERGED)
both <- coxph(Surv(time, event) ~ karno + tt(karno) + age + tt(age) + strata(trt), d, tt = by_log, control = CONVERGED)
breslow <- coxph(Surv(time, event) ~ age + karno + tt(karno), d, tt = by_log, ties = "breslow", control = CONVERGED)

cut_rows <- function(surv) {
  s <- survSplit(surv, data = d, cut = c(60, 180), episode = "period", start = "tstart", end = "tstop", event = "died")
  for (k in 1:3) s[[paste0("karno", k)]] <- s$karno * (s$period == k)
  s
}
steps <- coxph(Surv(tstart, tstop, died) ~ age + karno1 + karno2 + karno3, cut_rows(Surv(time, event) ~ .),
               control = CONVERGED)
late <- coxph(Surv(tstart, tstop, died) ~ age + karno1 + karno2 + karno3, cut_rows(Surv(entry, time, event) ~ .),
              control = CONVERGED)
constant <- coxph(Surv(time, event) ~ age + karno, d, control = CONVERGED)
lr <- function(large, df) of_chisq(2 * (large$loglik[2] - constant$loglik[2]), df)

values <- c(
  named("log_time", c(quantities(log_time, "coxph(... age + karno + tt(karno), tt = x * log(t))"),
                      list(constancy = value(lr(log_time, 1), "2 (loglik - loglik of age + karno)")))),
  named("both", quantities(both, "coxph(... karno + tt(karno) + age + tt(age) + strata(trt), tt = x * log(t))")),
  named("breslow", quantities(breslow, "coxph(... tt(karno), ties = \"breslow\")")),
  named("steps", c(quantities(steps, "coxph of survSplit(cut = c(60, 180)), karno in each period"),
                   list(constancy = value(lr(steps, 2), "2 (loglik - loglik of age + karno)")))),
  named("late", quantities(late, "coxph of survSplit(Surv(entry, time, event), cut = c(60, 180))"))
)
steps_at <- list(karno = c(60, 180))
write_case(
  "cox_time_varying", "Cox models with coefficients that change by log time or by steps", d,
  list(outcome = list(time = "time", event = "event"), analyses = list(
    log_time = list(kind = "cox", formula = "age + karno", time_varying = list(karno = "log")),
    both = list(kind = "cox", formula = "karno + age", strata = "trt", time_varying = list(karno = "log", age = "log")),
    breslow = list(kind = "cox", formula = "age + karno", ties = "breslow", time_varying = list(karno = "log")),
    steps = list(kind = "cox", formula = "age + karno", time_varying = steps_at),
    late = list(kind = "cox", formula = "age + karno", entry = "entry", time_varying = steps_at))),
  values, script = "time_varying.R"
)
