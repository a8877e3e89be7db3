# Targets of tests/simulation: size and power of the test of proportional hazards (check p), and coverage of log-log
# limits of the cumulative incidence (check i).
# Law of check i: two causes with constant hazards .6 and .4, C ~ uniform(0, 3), n = 50, at .25, .5 and 1.
# Law of check p: two equal groups, n = 100 in all, T ~ Weibull with shape 1 or exp(theta) and scale 1, so that the log hazard
# ratio is linear in log(t); C ~ uniform(0, 3). theta is where the power is near 80 %.
# Run: Rscript tests/reference/simulation.R; writes simulation.json beside it.

suppressMessages({library(survival); library(jsonlite)})

folder <- dirname(normalizePath(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))))
set.seed(20250131)
replicates <- 4000
theta <- 0.62

rejects <- function(theta, n = 100) {
  x <- rep(0:1, length.out = n)
  time <- rexp(n)^(1 / exp(theta * x))
  end <- runif(n, 0, 3)
  fit <- coxph(Surv(pmin(time, end), time <= end) ~ x)
  cox.zph(fit, transform = "km")$table[1, "p"] <= 0.05
}

at <- c(0.25, 0.5, 1)
truth <- c(0.6, 0.6, 0.6, 0.4, 0.4, 0.4) * (1 - exp(-at))

holds <- function(n = 50) {
  first <- rexp(n, 0.6)
  second <- rexp(n, 0.4)
  end <- runif(n, 0, 3)
  time <- pmin(first, second, end)
  state <- factor(ifelse(time == end, 0, ifelse(time == first, 1, 2)), 0:2)
  found <- summary(survfit(Surv(time, state) ~ 1, conf.type = "log-log"), times = at, extend = TRUE)
  c(found$lower[, 2], found$lower[, 3]) <= truth & truth <= c(found$upper[, 2], found$upper[, 3])
}

answer <- list(
  r_version = as.character(getRversion()),
  survival = as.character(packageVersion("survival")),
  call = "cox.zph(coxph(Surv(time, status) ~ x), transform = \"km\")$table[1, \"p\"] <= 0.05",
  replicates = replicates,
  theta = theta,
  size = mean(replicate(replicates, rejects(0))),
  power = mean(replicate(replicates, rejects(theta))),
  incidence_call = "summary(survfit(Surv(time, state) ~ 1, conf.type = \"log-log\"), times = at, extend = TRUE)",
  incidence_coverage = rowMeans(replicate(replicates, holds()), na.rm = TRUE)
)
write(toJSON(answer, auto_unbox = TRUE, digits = 17, pretty = TRUE), file.path(folder, "simulation.json"))
