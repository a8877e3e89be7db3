# Writes response_model.json: Rscript response_model.R > response_model.json
# Logistic regression by glm, proportional odds by rms::lrm (both maximum likelihood), with standard errors.
suppressMessages({library(rms); library(jsonlite)})
set.seed(40)
n <- 90
x <- data.frame(age = round(rnorm(n, 60, 9)), suv = signif(exp(rnorm(n, 2, 0.6)), 4), sex = rep(c("female", "male"), n / 2))
latent <- 0.8 * log2(x$suv) - 0.02 * x$age + 0.3 * (x$sex == "male") + rlogis(n)
x$response <- cut(latent, c(-Inf, 0, 0.8, 2, Inf), labels = c("PD", "SD", "PR", "CR"))
x$suv[c(4, 30)] <- NA
x$yes <- as.integer(x$response %in% c("PR", "CR"))
logistic <- glm(yes ~ age + log2(suv) + sex, binomial, x, control = glm.control(epsilon = 1e-14))
ordinal <- lrm(response ~ age + log2(suv) + sex, x, eps = 1e-12, maxit = 50)
cat(toJSON(list(
  versions = list(R = R.version.string, rms = as.character(packageVersion("rms"))),
  table = list(age = x$age, suv = x$suv, sex = x$sex, response = as.character(x$response), yes = x$yes),
  logistic = list(estimate = unname(coef(logistic)), std_error = unname(sqrt(diag(vcov(logistic)))),
    statistic = logistic$null.deviance - logistic$deviance, loglik = as.numeric(logLik(logistic))),
  ordinal = list(estimate = unname(coef(ordinal)), std_error = unname(sqrt(diag(vcov(ordinal)))),
    statistic = unname(ordinal$stats["Model L.R."]), loglik = -ordinal$deviance[2] / 2)
), digits = NA, na = "null", auto_unbox = TRUE))
