# Computes the answers of the cases about parametric models and intervals in R and writes them to
# tests/reference/cases/parametric_veteran/ and tests/reference/cases/interval_lung/. Run from the root of the repository: make reference

suppressMessages({
  library(survival)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
CONVERGED <- survreg.control(rel.tolerance = 1e-15, maxiter = 100)
source(file.path("tests", "reference", "quantities.R"))

# ---- location and scale: survreg ---------------------------------------------------------------------------------

NAMES <- c(weibull = "weibull", exponential = "exponential", lognormal = "lognormal", loglogistic = "loglogistic")
new <- data.frame(trt = c(1, 2), celltype = c("squamous", "smallcell"), karno = c(80, 40), z = c(0.5, 1.25))
asked <- c(30, 100, 365)
shares <- c(0.1, 0.5, 0.9)

survreg_values <- function(fit, r) {
  q <- predict(fit, newdata = new, type = "quantile", p = shares, se.fit = TRUE)
  lp <- predict(fit, newdata = new, type = "lp", se.fit = TRUE)
  # no lower.tail in psurvreg: one minus the distribution
  surv <- sapply(asked, function(time) 1 - psurvreg(time, mean = lp$fit, scale = fit$scale, distribution = fit$dist))
  theta <- c(coef(fit), if (fit$dist == "exponential") NULL else log(fit$scale))
  V <- vcov(fit)
  list(theta = value(theta, r), vcov = value(V, paste("vcov of", r), atol = 1e-12),
       loglik = value(fit$loglik, r), n_event = value(sum(v$event), "sum(event)", "exact"),
       aic = value(AIC(fit), paste("AIC of", r)), bic = value(BIC(fit), paste("BIC of", r)),
       z = value(theta / sqrt(diag(V)), "estimate / se"), lp = value(lp$fit, paste("predict of", r)),
       lp_se = value(lp$se.fit, paste("predict of", r)),
       quantiles = value(q$fit, paste("predict(type = 'quantile') of", r)),
       quantiles_se = value(q$se.fit, paste("predict(type = 'quantile') of", r)),
       survival = value(surv, "1 - psurvreg(time, lp, scale)"))
}

v <- with(veteran, data.frame(time, event = status, trt, celltype = as.character(celltype), karno,
                              z = (seq_len(nrow(veteran)) %% 7) / 4, weight = 1 + seq_len(nrow(veteran)) %% 3,
                              broken = 0.5 + (seq_len(nrow(veteran)) %% 5) / 4))
new$celltype <- factor(new$celltype, sort(unique(v$celltype)))
v$celltype <- factor(v$celltype)
values <- list()
analyses <- list()
formula <- "karno + celltype + trt"
shape <- list(newdata = transform(new, celltype = as.character(celltype)), times = asked, probability = shares)
reference <- list(celltype = "adeno")
for (dist in names(NAMES)) {
  call <- function(more) sprintf("survreg(Surv(time, event) ~ karno + celltype + trt%s, dist = '%s')", more, dist)
  fits <- list(
    survreg(Surv(time, event) ~ karno + celltype + trt, v, dist = dist, control = CONVERGED),
    survreg(Surv(time, event) ~ karno + celltype + trt, v, weight, dist = dist, control = CONVERGED),
    survreg(Surv(time, event) ~ karno + celltype + trt, v, broken, dist = dist, control = CONVERGED, robust = TRUE),
    survreg(Surv(time, event) ~ karno + celltype + trt + offset(z), v, dist = dist, control = CONVERGED)
  )
  # survreg(robust = TRUE) of survival 3.5 leaves the weights out of the sandwich: here they are in it, as in coxph
  fits[[3]]$var <- crossprod(residuals(fits[[3]], "dfbeta", weighted = TRUE))
  kinds <- list(c("", ""), c("_weighted", ", weights = weight"), c("_robust", ", weights = broken, robust = TRUE, dfbeta weighted"),
                c("_offset", " + offset(z)"))
  for (k in seq_along(fits)) {
    name <- paste0(dist, kinds[[k]][1])
    out <- survreg_values(fits[[k]], call(kinds[[k]][2]))
    # R's predict leaves the offset out
    if (k == 4) out <- out[!(names(out) %in% c("lp", "quantiles", "quantiles_se", "survival"))]
    values <- c(values, named(name, out))
    analyses[[name]] <- c(list(kind = "parametric", distribution = dist, reference = reference,
                               formula = if (k == 4) paste(formula, "+ offset(z)") else formula), shape)
    if (k == 2) analyses[[name]]$weights <- "weight"
    if (k == 3) analyses[[name]]$weights <- "broken"
  }
}

# ---- generalized gamma: the law written with R's incomplete gamma function ----------------------------------------

log_survival <- function(w, Q) {
  if (abs(Q) < 1e-8) return(pnorm(w, lower.tail = FALSE, log.p = TRUE))
  pgamma(exp(Q * w) / Q^2, 1 / Q^2, lower.tail = Q < 0, log.p = TRUE)
}
log_density <- function(w, Q) {
  if (abs(Q) < 1e-8) return(dnorm(w, log = TRUE))
  g <- exp(Q * w) / Q^2
  dgamma(g, 1 / Q^2, log = TRUE) + log(g) + log(abs(Q))
}
X <- model.matrix(~ karno + celltype + trt, v)
minus_loglik <- function(theta) {
  k <- length(theta)
  w <- (log(v$time) - drop(X %*% theta[1:(k - 2)])) / exp(theta[k - 1])
  dead <- v$event == 1
  -sum((log_density(w, theta[k]) - theta[k - 1] - log(v$time))[dead]) - sum(log_survival(w, theta[k])[!dead])
}
start <- survreg(Surv(time, event) ~ karno + celltype + trt, v, dist = "lognormal")
theta <- c(coef(start), log(start$scale), 0.1)
for (round in 1:6) {
  # columns differ in size by a hundred
  theta <- optim(theta, minus_loglik, method = "BFGS",
                 control = list(reltol = 1e-16, maxit = 2000, parscale = pmax(abs(theta), 1e-3)))$par
}
r <- "optim of the likelihood written with pgamma and dgamma"
H <- optimHess(theta, minus_loglik, control = list(parscale = pmax(abs(theta), 1e-3), ndeps = rep(1e-4, length(theta))))
grid <- expand.grid(w = c(-4, -1, -0.2, 0.3, 1, 2.2), Q = c(-1.5, -0.4, 0.25, 1, 2.5))
values <- c(values, named("generalized_gamma", list(
  theta = value(theta, r, "optim", rtol = 1e-4, atol = 1e-5),
  loglik_maximum = value(-minus_loglik(theta), r, "optim", rtol = 1e-10),
  vcov = value(solve(H), paste("optimHess after", r), "optim", rtol = 2e-3, atol = 1e-6),
  law = value(list(log_survival = mapply(log_survival, grid$w, grid$Q), log_density = mapply(log_density, grid$w, grid$Q)),
              "pgamma and dgamma", "exact", rtol = 1e-11)
)))
analyses$generalized_gamma <- c(list(kind = "parametric", distribution = "generalized_gamma", formula = formula,
                                     reference = reference, grid = grid), shape)

v$celltype <- as.character(v$celltype)
write_case("parametric_veteran", "Parametric models of veteran's lung cancer: weights, offset, generalized gamma", v,
           list(outcome = list(time = "time", event = "event"), analyses = analyses), values, script = "parametric.R")

# ---- intervals: events seen at visits ----------------------------------------------------------------------------
# The deaths of lung cancer as if they had been found at visits about every two months; one in five at a known time, and
# those before the first visit anywhere since the origin.

l <- with(lung[!is.na(lung$ph.ecog), ], data.frame(time, event = status - 1, age, sex, ecog = ph.ecog))
row <- seq_len(nrow(l))
gap <- 50 + row %% 4 * 10
l$lower <- floor((l$time - 1) / gap) * gap
l$upper <- l$lower + gap
known <- l$event == 1 & row %% 5 == 0
l$lower[known] <- l$upper[known] <- l$time[known]
l$lower[l$event == 0] <- l$time[l$event == 0]
l$upper[l$event == 0] <- NA
l$weight <- 1 + row %% 3
response <- Surv(ifelse(l$lower == 0, NA, l$lower), l$upper, type = "interval2")

values <- list()
analyses <- list()
for (dist in names(NAMES)) {
  for (weighted in c(FALSE, TRUE)) {
    name <- paste0(dist, if (weighted) "_weighted" else "")
    fit <- if (weighted) survreg(response ~ age + sex + ecog, l, weight, dist = dist, control = CONVERGED)
           else survreg(response ~ age + sex + ecog, l, dist = dist, control = CONVERGED)
    r <- sprintf("survreg(Surv(lower, upper, type = 'interval2') ~ age + sex + ecog, dist = '%s')", dist)
    theta <- c(coef(fit), if (dist == "exponential") NULL else log(fit$scale))
    values <- c(values, named(name, list(theta = value(theta, r), vcov = value(vcov(fit), r, atol = 1e-12),
                                         loglik = value(fit$loglik, r))))
    analyses[[name]] <- list(kind = "parametric", distribution = dist, formula = "age + sex + ecog", intervals = TRUE)
    if (weighted) analyses[[name]]$weights <- "weight"
  }
}

# Turnbull's estimate: survfit stops when the curve moves by less than 5e-5 in a step, here up to 4e-3 before the end; the
# same steps to the end stand beside it, and are the ones that are compared closely.
turnbull <- function(lower, upper, weight) {
  upper[is.na(upper)] <- Inf
  edges <- rbind(data.frame(t = lower, end = ifelse(lower == upper, 0, 2)), data.frame(t = upper, end = 1))
  edges <- unique(edges[order(edges$t, edges$end), ])
  inner <- which(edges$end[-nrow(edges)] != 1 & edges$end[-1] == 1)
  a <- edges$t[inner]
  b <- edges$t[inner + 1]
  holds <- outer(seq_along(lower), seq_along(a), function(i, j) {
    ifelse(lower[i] == upper[i], a[j] == lower[i] & b[j] == lower[i],
           a[j] >= lower[i] & b[j] <= upper[i] & (a[j] < b[j] | a[j] > lower[i]))
  }) + 0
  p <- rep(1 / length(a), length(a))
  for (step in 1:400000) {
    old <- p
    p <- colSums(weight * holds * rep(p, each = nrow(holds)) / drop(holds %*% p)) / sum(weight)
    if (max(abs(p - old)) < 1e-16) break
  }
  list(lower = a, upper = b, mass = p, loglik = sum(weight * log(drop(holds %*% p))))
}
asked <- c(0, 40, 100, 200, 300, 450, 600)
bounds <- function(curve) {
  list(low = sapply(asked, function(t) sum(curve$mass[curve$lower >= t & curve$upper > t])),
       high = sapply(asked, function(t) sum(curve$mass[curve$upper > t])))
}
for (who in list("all", "1", "2", "weighted")) {
  rows <- if (who %in% c("1", "2")) l$sex == as.numeric(who) else rep(TRUE, nrow(l))
  w <- if (who == "weighted") l$weight else rep(1, nrow(l))
  own <- turnbull(l$lower[rows], l$upper[rows], w[rows])
  fit <- survfit(response[rows] ~ 1, weights = w[rows])
  # survfit puts the mass of an interval in its middle: read where no interval is open
  safe <- own$upper[own$mass > 1e-6 & is.finite(own$upper)]
  name <- paste0("turnbull_", who)
  values <- c(values, named(name, list(
    loglik = value(own$loglik, "EM steps to the end", "optim", rtol = 1e-10),
    bounds = value(bounds(own), "EM steps to the end", "optim", rtol = 0, atol = 1e-6),
    survfit = value(list(time = safe, surv = summary(fit, times = safe, extend = TRUE)$surv),
                    "survfit(Surv(lower, upper, type = 'interval2') ~ 1)", "optim", rtol = 0, atol = 1e-2)
  )))
  analyses[[name]] <- list(kind = "turnbull", intervals = TRUE, times = asked)
  if (who == "weighted") analyses[[name]]$weights <- "weight"
  if (who %in% c("1", "2")) analyses[[name]]$sex <- as.numeric(who)
}
write_case("interval_lung", "Events seen at visits: parametric models of intervals, and Turnbull's curve", l,
           list(outcome = list(lower = "lower", upper = "upper"), analyses = analyses), values, script = "parametric.R")
