# Writes correlations.json: Rscript correlations.R > correlations.json
# Spearman by cor.test(exact = FALSE), limits by Fisher's z with the variance of Bonett and Wright, p.adjust("BH").
library(jsonlite)
set.seed(30)
n <- 35
suv <- exp(rnorm(n, 2)); mtv <- exp(rnorm(n, 3) + 0.5 * log(suv)); age <- round(rnorm(n, 60, 10))
ldh <- round(exp(0.3 * log(mtv) + rnorm(n, 0, 0.4)), 1); hb <- round(rnorm(n, 12, 2), 1)
x <- signif(data.frame(suv, mtv, age, ldh, hb), 5)
x$ldh[c(2, 9, 20)] <- NA; x$suv[c(9, 11)] <- NA
pairs <- expand.grid(first = c("suv", "mtv"), second = c("age", "ldh", "hb"), stringsAsFactors = FALSE)
one <- function(a, b) {
  t <- suppressWarnings(cor.test(x[[a]], x[[b]], method = "spearman", exact = FALSE))
  r <- unname(t$estimate); m <- sum(complete.cases(x[[a]], x[[b]]))
  s <- qnorm(0.975) * sqrt((1 + r^2 / 2) / (m - 3))
  c(r, tanh(atanh(r) - s), tanh(atanh(r) + s), m, t$p.value)
}
found <- mapply(one, pairs$first, pairs$second)
cat(toJSON(list(
  versions = list(R = R.version.string), table = as.list(x), first = pairs$first, second = pairs$second,
  estimate = found[1, ], conf_low = found[2, ], conf_high = found[3, ], n = found[4, ], p_value = found[5, ],
  p_adjusted = p.adjust(found[5, ], "BH")
), digits = NA, na = "null"))
