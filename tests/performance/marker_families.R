# Writes marker_families.json: Rscript marker_families.R > marker_families.json
# Spearman's correlations of pairs with missing values, and families by hclust, complete linkage of 1 - |rho|.
library(jsonlite)
set.seed(20)
n <- 40
burden <- rnorm(n); avidity <- rnorm(n); age <- rnorm(n)
x <- data.frame(
  mtv = exp(3 + burden), tlu = exp(5 + burden + 0.3 * avidity), lesions = round(exp(2 + burden + 0.5 * rnorm(n))),
  suvmax = exp(2 + avidity + 0.1 * rnorm(n)), suvmean = exp(1 + avidity + 0.2 * rnorm(n)), cold = -avidity + 0.4 * rnorm(n),
  age = age
)
x$suvmax[c(3, 17)] <- NA; x$tlu[c(5, 17, 30)] <- NA; x$age[9] <- NA
x <- signif(x, 6)
rho <- cor(x, method = "spearman", use = "pairwise.complete.obs")
tree <- hclust(as.dist(1 - abs(rho)), "complete")
cat(toJSON(list(
  versions = list(R = R.version.string), table = as.list(x), rho = rho,
  families = sapply(c("0.5", "0.7", "0.8", "0.9", "0.99"), function(least) cutree(tree, h = 1 - as.numeric(least)), simplify = FALSE)
), digits = NA, na = "null", auto_unbox = FALSE, pretty = FALSE))
