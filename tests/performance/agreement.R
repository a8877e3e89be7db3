# Writes agreement.json: Rscript agreement.R > agreement.json
# Stages (Bowker by mcnemar.test of a k x k table), Wilson and exact limits, kappa of Fleiss, Cohen and Everitt (1969)
# with the sums written out, and mean squares of the table of Shrout and Fleiss (1979) by aov.
library(jsonlite)
stages <- matrix(c(12, 3, 1, 1, 5, 9, 2, 1, 2, 6, 10, 3, 1, 4, 8, 15), 4, 4)
bowker <- mcnemar.test(stages)
kappa_of <- function(n, w) {
  p <- n / sum(n); r <- rowSums(p); c <- colSums(p)
  po <- sum(w * p); pe <- sum(w * outer(r, c)); k <- (po - pe) / (1 - pe)
  rows <- as.vector(w %*% c); columns <- as.vector(t(w) %*% r); s <- 0
  for (i in seq_along(r)) for (j in seq_along(c)) s <- s + p[i, j] * (w[i, j] - (rows[i] + columns[j]) * (1 - k))^2
  c(k, sqrt((s - (k - pe * (1 - k))^2) / (sum(n) * (1 - pe)^2)))
}
step <- abs(outer(1:4, 1:4, "-")) / 3
ratings <- data.frame(
  score = c(9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7),
  patient = factor(rep(1:6, each = 4)), reader = factor(rep(1:4, 6))
)
squares <- summary(aov(score ~ patient + reader, ratings))[[1]][["Mean Sq"]]
cat(toJSON(list(
  versions = list(R = R.version.string), stages = stages,
  bowker = c(bowker$statistic, bowker$parameter, bowker$p.value),
  sign_p = binom.test(sum(stages[upper.tri(stages)]), sum(stages) - sum(diag(stages)))$p.value,
  wilson = prop.test(8, 22, correct = FALSE)$conf.int, exact = binom.test(8, 22)$conf.int,
  wilson_90 = prop.test(3, 41, conf.level = 0.9, correct = FALSE)$conf.int,
  kappa = list(plain = kappa_of(stages, (step == 0) * 1), linear = kappa_of(stages, 1 - step),
               quadratic = kappa_of(stages, 1 - step^2)),
  mean_squares = squares
), digits = NA, auto_unbox = TRUE, pretty = TRUE))
