# Computes intercept, slope and smooth curves of calibration in R and writes them to
# tests/reference/cases/calibration_lung/ and calibration_melanoma/. Run from the root of the repository: make reference
# On Debian: apt-get install r-cran-jsonlite r-cran-cmprsk r-cran-prodlim r-cran-rms r-cran-riskregression

suppressMessages({
  library(survival)
  library(prodlim)
  library(cmprsk)
  library(rms)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
source(file.path("tests", "reference", "quantities.R"))

cloglog <- function(p) log(-log(1 - p))

# What is known at the horizon, weighted by the inverse probability of not being censored within strata.
weighted <- function(d, t0) {
  w <- numeric(nrow(d))
  for (s in unique(d$stratum)) {
    rows <- which(d$stratum == s)
    times <- sort(unique(d$time[rows]))
    lost <- sapply(times, function(u) sum(d$time[rows] == u & d$event[rows] == 0))
    # deaths leave before the censorings of their time
    there <- sapply(times, function(u) sum(d$time[rows] > u) + sum(d$time[rows] == u & d$event[rows] == 0))
    G <- stepfun(times, c(1, cumprod(ifelse(there > 0, 1 - lost / there, 1))))
    before <- stepfun(times, c(1, cumprod(ifelse(there > 0, 1 - lost / there, 1))), right = TRUE)
    w[rows] <- ifelse(d$time[rows] > t0, 1 / G(t0), ifelse(d$event[rows] > 0, 1 / before(d$time[rows]), 0))
  }
  w
}

values_at_horizon <- function(d, t0) {
  d$z <- cloglog(d$risk)
  d$w <- weighted(d, t0)
  d$y <- as.numeric(d$time <= t0 & d$event == 1)
  tight <- glm.control(epsilon = 1e-14, maxit = 100)
  family <- quasibinomial(link = "cloglog")
  a <- suppressWarnings(glm(y ~ offset(z), family, d, w, control = tight))
  b <- suppressWarnings(glm(y ~ z + factor(stratum), family, d, w, control = tight))
  list(
    weights = value(d$w, "1 / G(T-), 1 / G(t), 0 by hand", "exact"),
    weighted_intercept = value(unname(coef(a)), "glm(y ~ offset(cloglog), quasibinomial('cloglog'), weights)"),
    weighted_slope = value(unname(coef(b)["z"]), "glm(y ~ cloglog + factor(stratum), quasibinomial('cloglog'))")
  )
}

smooth_pseudo <- function(d, curve, t0, ...) {
  pseudo <- as.numeric(jackknife(curve, times = t0, ...))
  fit <- loess(pseudo ~ risk, data.frame(pseudo, risk = d$risk), degree = 1, span = 0.75,
               control = loess.control(surface = "direct"))
  list(pseudo_values = value(pseudo, "prodlim::jackknife", "exact", 1e-8, 1e-10),
       local_lines = value(pmin(pmax(fitted(fit), 0), 1), "loess(degree = 1, span = .75, surface = 'direct')"))
}

distances <- function(risk, observed) {
  away <- abs(risk - observed)
  c(mean(away), unname(quantile(away, c(0.5, 0.9))), max(away))
}

# ---- lung cancer: months, so that times are tied -------------------------------------------------------------------
lung <- subset(survival::lung, complete.cases(age, sex, ph.ecog))
d <- data.frame(time = ceiling(lung$time / 30.4375), event = lung$status - 1, stratum = lung$sex)
t0 <- 12
fit <- coxph(Surv(time, event) ~ age + lung$sex + lung$ph.ecog, cbind(d, age = lung$age))
d$risk <- round(1 - exp(-1.3 * 0.75 * exp(1.5 * (fit$linear.predictors))), 6)
z <- cloglog(d$risk)
cut <- data.frame(time = pmin(d$time, t0), event = d$event * (d$time <= t0), stratum = d$stratum, z = z)
slope <- coxph(Surv(time, event) ~ z + strata(stratum), cut, control = coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50))
all_along <- coxph(Surv(d$time, d$event) ~ z, control = coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50))
# Efron's estimate, and survfit of the model without coefficients, whose curve stands at the mean offset.
jumps <- sapply(sort(unique(cut$time[cut$event == 1])), function(u) {
  dying <- cut$time == u & cut$event == 1
  left <- sum(exp(z[cut$time >= u])) - (seq_len(sum(dying)) - 1) / sum(dying) * sum(exp(z[dying]))
  c(sum(1 / left), sum(1 / left^2))
})
hazard <- sum(jumps[1, ])
error <- sqrt(sum(jumps[2, ])) / hazard
s <- summary(survfit(coxph(Surv(time, event) ~ offset(z), cut)), times = t0)
stopifnot(abs(s$cumhaz / exp(mean(z)) / hazard - 1) < 1e-10, abs(s$std.err / s$surv / s$cumhaz / error - 1) < 1e-10)
km <- sapply(sort(unique(d$stratum)), function(g) {
  k <- summary(survfit(Surv(time, event) ~ 1, d, subset = stratum == g), times = t0)
  c(n = sum(d$stratum == g), observed = 1 - k$surv, se = k$std.err, expected = mean(d$risk[d$stratum == g]))
})
share <- km["n", ] / sum(km["n", ])
O <- sum(share * km["observed", ])
E <- sum(share * km["expected", ])
se <- sqrt(sum(share^2 * km["se", ]^2))
z4 <- rcs(z, 4)
knots <- attr(z4, "parms")
curve <- coxph(Surv(time, event) ~ rcs(z, knots), cut, control = coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50))
observed <- 1 - as.numeric(summary(survfit(curve, newdata = cut), times = t0)$surv)
values <- c(
  list(
    slope = value(c(coef(slope), sqrt(vcov(slope))), "coxph(Surv ~ cloglog + strata), follow-up cut at the horizon"),
    slope_all_follow_up = value(c(coef(all_along), sqrt(vcov(all_along))), "coxph(Surv ~ cloglog)"),
    intercept = value(c(log(hazard), error), "survfit(coxph(Surv ~ offset(cloglog))): log(cumhaz) less the mean offset, se / cumhaz"),
    ratio_within_strata = value(c(O / E, O / E * exp(c(-1, 1) * qnorm(0.975) * se / O)), "survfit by stratum"),
    spline_4 = value(observed, "coxph(Surv ~ rcs(cloglog, 4)), survfit at the horizon", "iter", 1e-8),
    distances_4 = value(distances(d$risk, observed), "ICI, E50, E90, Emax")
  ),
  values_at_horizon(d, t0),
  smooth_pseudo(d, prodlim(Hist(time, event) ~ 1, d), t0)
)
# the jackknife of prodlim is of survival
values$pseudo_values$value <- lapply(values$pseudo_values$value, function(v) 1 - v)
flipped <- loess(unlist(values$pseudo_values$value) ~ d$risk, degree = 1, span = 0.75,
                 control = loess.control(surface = "direct"))
values$local_lines$value <- plain(pmin(pmax(fitted(flipped), 0), 1))
write_case("calibration_lung", "Calibration of risks of death from lung cancer at 12 months, within sexes", d,
           list(t0 = unbox(t0)), values, c("survival", "prodlim", "rms"), "calibration.R")

# ---- melanoma: death of the tumour, and of other causes ------------------------------------------------------------
data(Melanoma, package = "riskRegression")
d <- data.frame(time = Melanoma$time / 365.25, event = Melanoma$status,
                stratum = as.numeric(Melanoma$sex == "Male") + 1)
t0 <- 5
fit <- crr(d$time, d$event, cbind(Melanoma$logthick, Melanoma$ulcer == "present"))
lp <- as.numeric(cbind(Melanoma$logthick, Melanoma$ulcer == "present") %*% fit$coef)
d$risk <- round(1 - exp(-0.25 * exp(0.8 * (lp - mean(lp)))), 6)
z <- cloglog(d$risk)
cut_time <- pmin(d$time, t0)
cut_event <- ifelse(d$time <= t0, d$event, 0)
slope <- crr(cut_time, cut_event, cbind(z), gtol = 1e-10, maxiter = 100)
z3 <- rcs(z, 3)
curve <- crr(cut_time, cut_event, cbind(z3[, 1], z3[, 2]), gtol = 1e-10, maxiter = 100)
p <- predict(curve, cbind(z3[, 1], z3[, 2]))
observed <- as.numeric(p[max(which(p[, 1] <= t0)), -1])
values <- c(
  list(
    slope = value(c(slope$coef, sqrt(slope$var)), "crr on the cloglog, follow-up cut at the horizon", "iter", 1e-6),
    spline_3 = value(observed, "crr on rcs(cloglog, 3), predicted at the horizon", "iter", 1e-6),
    distances_3 = value(distances(d$risk, observed), "ICI, E50, E90, Emax", "iter", 1e-6)
  ),
  values_at_horizon(d, t0),
  smooth_pseudo(d, prodlim(Hist(time, event) ~ 1, d), t0, cause = 1)
)
write_case("calibration_melanoma", "Calibration of risks of death from melanoma at 5 years beside other deaths", d,
           list(t0 = unbox(t0)), values, c("survival", "prodlim", "cmprsk", "rms"), "calibration.R")
