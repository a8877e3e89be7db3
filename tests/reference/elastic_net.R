# Computes the answers of glmnet for an elastic-net Cox model and writes them, with the rows, to
# tests/reference/elastic_net.json. Run from the root of the repository: Rscript tests/reference/elastic_net.R
#
# glmnet has Breslow's ties, standardises columns (divisor n) and weighs the penalty as we do: its lambda is our alpha,
# its alpha our l1_ratio.

suppressMessages({
  library(survival)
  library(glmnet)
  library(jsonlite)
})

columns <- c("age", "sex", "ph.ecog", "ph.karno", "pat.karno", "meal.cal", "wt.loss")
d <- na.omit(lung[, c("time", "status", columns)])
x <- as.matrix(d[, columns])
# times in weeks, so that many are tied
weeks <- ceiling(d$time / 7)
died <- as.integer(d$status == 2)
y <- Surv(weeks, died)
lambda <- c(0.2, 0.1, 0.05, 0.02, 0.01, 0.005)
fold <- rep_len(1:5, nrow(d))

answer <- function(l1_ratio) {
  fit <- glmnet(x, y, family = "cox", alpha = l1_ratio, lambda = lambda, standardize = TRUE, thresh = 1e-16,
                maxit = 1e7)
  cv <- cv.glmnet(x, y, family = "cox", alpha = l1_ratio, lambda = lambda, standardize = TRUE, thresh = 1e-14,
                  maxit = 1e7, foldid = fold, grouped = TRUE)
  list(l1_ratio = unbox(l1_ratio), beta = unname(t(as.matrix(coef(fit)))), deviance = cv$cvm, std_error = cv$cvsd,
       alpha_min = unbox(cv$lambda.min), alpha_1se = unbox(cv$lambda.1se))
}

content <- list(
  r_version = unbox(paste(R.version$major, R.version$minor, sep = ".")),
  packages = list(glmnet = unbox(as.character(packageVersion("glmnet"))),
                  survival = unbox(as.character(packageVersion("survival")))),
  x = unname(x), time = weeks, event = died, fold = fold - 1, alphas = lambda, answers = lapply(c(0.3, 0.5, 1), answer)
)
writeLines(toJSON(content, digits = NA, pretty = FALSE), file.path("tests", "reference", "elastic_net.json"))
