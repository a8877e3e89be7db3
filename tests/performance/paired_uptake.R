# Writes paired_uptake.json: Rscript paired_uptake.R > paired_uptake.json
library(jsonlite)
a <- c(8.13, 6.45, 4.31, 9.72, 12.26, 5.17, 3.98, 7.74, 15.31, 6.64, 2.87, 10.49)
b <- c(4.2, 5.9, 4.9, 6.1, 7.3, 5.6, 2.2, 3.1, 9.9, 6.9, 3.0, 4.4)
difference <- wilcox.test(a, b, paired = TRUE, exact = TRUE, conf.int = TRUE)
log_t <- t.test(log(a), log(b), paired = TRUE)
cat(toJSON(list(
  versions = list(R = R.version.string), a = a, b = b,
  wilcoxon = c(difference$statistic, difference$p.value, difference$estimate, difference$conf.int),
  log_t = c(log_t$statistic, log_t$p.value, log_t$estimate, log_t$conf.int)
), digits = NA, auto_unbox = TRUE, pretty = TRUE))
