# Computes the answers of the case about pooling completed tables in R and writes them to
# tests/reference/cases/imputed_lung/. Run from the root of the repository: make reference
# On Debian: apt-get install r-cran-jsonlite r-cran-mice

suppressMessages({
  library(survival)
  library(mice)
  library(mitml)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
CONVERGED <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)
source(file.path("tests", "reference", "quantities.R"))

# The lung cancer trial, whose weight loss, performance and calories have gaps of their own.
raw <- subset(survival::lung, select = c(time, status, age, sex, ph.ecog, ph.karno, wt.loss, meal.cal))
raw$status <- raw$status - 1
raw$hazard <- nelsonaalen(raw, time, status)
predict <- make.predictorMatrix(raw)
predict[, "time"] <- 0
imputed <- mice(raw, m = 8, maxit = 5, seed = 20, predictorMatrix = predict, printFlag = FALSE)
d <- complete(imputed, "long")
d <- data.frame(imputation = d$.imp, subset(d, select = c(time, status, age, sex, ph.ecog, wt.loss, meal.cal)))

fit_all <- function(formula) {
  text <- deparse1(formula)
  fits <- lapply(split(d, d$imputation), function(one) {
    eval(bquote(coxph(.(formula), data = one, control = CONVERGED)))
  })
  as.mira(unname(fits))
}
large <- fit_all(Surv(time, status) ~ age + sex + ph.ecog + wt.loss + meal.cal)
small <- fit_all(Surv(time, status) ~ age + sex)

columns <- c("estimate", "std.error", "statistic", "df", "p.value", "fmi", "riv")
pooled_values <- function(found, call) {
  s <- summary(found, type = "all")
  setNames(lapply(columns, function(name) value(s[[name]], call)), gsub(".", "_", columns, fixed = TRUE))
}

statistics <- function(a, b) {
  mapply(function(x, y) 2 * (x$loglik[2] - if (is.null(y)) x$loglik[1] else y$loglik[2]), a$analyses, b)
}
d2 <- function(statistic, df, call) {
  found <- mitml:::.D2(d = statistic, k = df)
  value(c(found$F, found$k, found$v, pf(found$F, found$k, found$v, lower.tail = FALSE), found$r), call)
}
likelihood <- testModels(as.mitml.result(large$analyses), as.mitml.result(small$analyses), method = "D2",
                         use = "likelihood")

C <- lapply(large$analyses, concordance)
logit <- sapply(C, function(one) qlogis(one$concordance))
logit_se <- sapply(C, function(one) sqrt(one$var) / (one$concordance * (1 - one$concordance)))
c_pool <- pool.scalar(logit, logit_se^2, n = Inf)

# Curves by calories below or above the median, which is imputed.
times <- c(100, 250, 500)
curve_at <- function(one, high) {
  s <- summary(survfit(Surv(time, status) ~ 1, data = one[(one$meal.cal > 900) == high, ]), times = times)
  rbind(log(-log(s$surv)), (s$std.err / (s$surv * log(s$surv)))^2)
}
curve_values <- function(high) {
  parts <- lapply(split(d, d$imputation), curve_at, high = high)
  rows <- lapply(seq_along(times), function(t) {
    p <- pool.scalar(sapply(parts, function(x) x[1, t]), sapply(parts, function(x) x[2, t]), n = Inf)
    width <- qt(0.975, p$df) * sqrt(p$t)
    c(exp(-exp(p$qbar)), exp(-exp(p$qbar + width)), exp(-exp(p$qbar - width)), p$fmi)
  })
  value(do.call(rbind, rows), "pool.scalar(log(-log(S)), ...) of survfit")
}

call <- "summary(pool(fits), type = 'all')"
large_sample <- summary(pool(large, dfcom = 1e12), type = "all")
values <- c(
  named("cox", pooled_values(pool(large), call)),
  list(
    cox.df_large_sample = value(large_sample$df, "summary(pool(fits, dfcom = 1e12), type = 'all')$df",
                               kind = "approx", rtol = 1e-6),
    cox.total = value(pool(large)$pooled$t, "pool(fits)$pooled$t"),
    cox.lr_null = d2(statistics(large, vector("list", 8)), 5, "mitml:::.D2 of the likelihood ratio statistics"),
    cox.lr_nested = value(unname(likelihood$test[1, c("F.value", "df1", "df2", "P(>F)", "RIV")]),
                          "mitml::testModels(method = 'D2', use = 'likelihood')"),
    cox.concordance = value(c(plogis(c_pool$qbar), sqrt(c_pool$t), c_pool$df, c_pool$fmi),
                            "pool.scalar(logit(concordance), ...)"),
    cox.curve_low = curve_values(FALSE),
    cox.curve_high = curve_values(TRUE)
  )
)
subject <- list(kind = "pooled", formula = "age + sex + ph.ecog + wt.loss + meal.cal", small = "age + sex")
write_case(
  "imputed_lung", "Eight completed tables of the lung cancer trial, pooled", d,
  list(analyses = list(cox = subject), outcome = list(time = "time", event = "status")), values,
  packages = c("survival", "mice", "mitml"), script = "imputation.R"
)
