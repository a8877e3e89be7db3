# Computes the answers of the case about knots and columns of splines in R and writes them to
# tests/reference/cases/spline_knots/. Run from the root of the repository: make reference
# On Debian: apt-get install r-cran-jsonlite r-cran-hmisc

suppressMessages({
  library(Hmisc)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
source(file.path("tests", "reference", "quantities.R"))

# ---- values that test the rules: few rows, ties, many rows at one end or both ----------------------------------------

set.seed(20260101)
n <- 240
first <- function(x, k) replace(x, seq_len(n) > k, NA)
d <- data.frame(
  normal = rnorm(n, 60, 10), skewed = round(rlnorm(n, 1.5, 0.7), 2), whole = round(rnorm(n, 60, 8)),
  heavy_low = pmax(rnorm(n, 5, 2), 3.5), heavy_high = pmin(rnorm(n, 5, 2), 6.5),
  heavy_both = pmin(pmax(rnorm(n, 5, 2), 3.5), 6.5), seven_values = sample(1:7, n, TRUE)
)
d$normal_99 <- first(d$normal, 99)
d$skewed_40 <- first(d$skewed, 40)
d$heavy_low_60 <- first(d$heavy_low, 60)
d$heavy_both_60 <- first(d$heavy_both, 60)
d$normal_10 <- first(d$normal, 10)

values <- list()
analyses <- list(every = list(kind = "knots"))
fewer <- character(0)
for (name in names(d)) for (nk in 3:7) {
  x <- d[[name]][!is.na(d[[name]])]
  knots <- suppressWarnings(tryCatch(rcspline.eval(x, nk = nk, knots.only = TRUE), error = function(e) NULL))
  analysis <- paste0(name, "_", nk)
  if (length(knots) != nk) {  # survmodel gives as many knots as are asked for, or none
    fewer <- c(fewer, analysis)
    next
  }
  analyses[[analysis]] <- list(kind = "knots", column = name, n_knots = nk)
  call <- paste0("rcspline.eval(x, nk=", nk)
  values[[paste0(analysis, ".knots")]] <- value(as.numeric(knots), paste0(call, ", knots.only=TRUE)"), "exact")
  at <- as.numeric(quantile(x, c(0, 0.05, 0.3, 0.5, 0.8, 1)))
  basis <- rcspline.eval(c(at, min(at) - 1, max(at) + 1), knots = knots, inclx = TRUE)
  values[[paste0(analysis, ".columns")]] <- value(
    list(x = basis[, 1], columns = basis[, -1, drop = FALSE]), "rcspline.eval(x, knots=, inclx=TRUE)", "exact", atol = 1e-9
  )
}
values$every.with_fewer_knots <- value(fewer, "length(rcspline.eval(x, nk, knots.only=TRUE)) < nk, or an error", "exact")
suppressWarnings(write_case(  # an empty cell is no number
  "spline_knots", "Knots and columns of restricted cubic splines, with few rows, ties and heavy ends", d,
  list(analyses = analyses), values, packages = "Hmisc", script = "splines.R"
))
