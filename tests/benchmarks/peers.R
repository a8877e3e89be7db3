# Time one call of one peer of R in this fresh process and print a line of JSON.
# Usage: Rscript peers.R KIND PEER FOLDER
args <- commandArgs(TRUE)
kind <- args[1]
peer <- args[2]
file_of <- function(name) file.path(args[3], paste0(name, ".bin"))

if (!requireNamespace("survival", quietly = TRUE)) {
  cat('{"missing": "no R package survival"}\n')
  quit()
}
library(survival)
needed <- c(ranger = "ranger", "rms::validate" = "rms", mice = "mice")[peer]
if (!is.na(needed) && !requireNamespace(needed, quietly = TRUE)) {
  cat(sprintf('{"missing": "no R package %s"}\n', needed))
  quit()
}

# As in measure.py and forests.py; the clock of R is coarser.
SAMPLE <- 0.2
SLOW <- 1
VERY_SLOW <- 10
SAMPLES <- 5
HELD_OUT <- 500
# Bootstrap samples of a call.
RESAMPLES <- c("rms::validate" = 100, mice = 5)
# Least draws of a leaf: ranger counts a row as often as it was drawn, as survmodel does.
NODE <- 3

n <- file.size(file_of("time")) / 8
time <- readBin(file_of("time"), "double", n)
event <- readBin(file_of("event"), "integer", n)
index <- readBin(file_of("index"), "double", n)
y <- Surv(time, event)
p <- file.size(file_of("x")) / 8 / n
x <- matrix(readBin(file_of("x"), "double", n * p), n)
colnames(x) <- paste0("x", seq_len(p) - 1)

if (peer == "coxph") table <- data.frame(x)
control <- coxph.control()
rows <- as.character(seq_len(n))
if (peer == "ranger") {
  new <- data.frame(x)[n - HELD_OUT + seq_len(HELD_OUT), ]
  learnt <- data.frame(x, time, event)[seq_len(n - HELD_OUT), ]
  trees <- scan(file.path(args[3], "trees.txt"), quiet = TRUE)
}
# As in imputation.py; the columns with gaps are counted from 0.
IMPUTATIONS <- 20
CYCLES <- 10
if (peer == "mice") suppressPackageStartupMessages(library(mice))
with_gaps <- function() {
  d <- data.frame(x)
  for (j in c(0, p %/% 3, p - 1)) d[((seq_len(n) - 1) * (2 * j + 3) + j) %% 4 == 0, j + 1] <- NA
  d$x0 <- factor(d$x0)
  d$time <- time
  d$event <- event
  d
}
impute_and_fit <- function(d) {
  d$hazard <- nelsonaalen(d, time, event)
  predictors <- make.predictorMatrix(d)
  predictors[, "time"] <- 0
  imputed <- mice(d, m = IMPUTATIONS, maxit = CYCLES, predictorMatrix = predictors, printFlag = FALSE)
  terms <- paste(colnames(x), collapse = " + ")
  fits <- eval(parse(text = sprintf("with(imputed, coxph(Surv(time, event) ~ %s))", terms)))
  summary(pool(fits))$estimate
}
mice_resamples <- function() {
  set.seed(1)
  d <- with_gaps()
  found <- impute_and_fit(d)
  for (b in seq_len(RESAMPLES[[peer]] - 1)) impute_and_fit(d[sample(n, replace = TRUE), ])
  found
}
forest <- function(importance) {
  ranger::ranger(dependent.variable.name = "time", status.variable.name = "event", data = learnt, num.trees = trees,
                 mtry = ceiling(sqrt(p)), min.node.size = NODE, splitrule = "logrank", importance = importance,
                 num.threads = 1, seed = 1)
}
if (peer == "rms::validate") {
  suppressPackageStartupMessages(library(rms))
  fitted <- cph(as.formula(paste("y ~", paste(colnames(x), collapse = " + "))), data = data.frame(x), x = TRUE, y = TRUE,
                surv = FALSE)
}
# Dxy is 2 C - 1 of an index of which more is longer life.
corrected <- function() {
  found <- validate(fitted, B = RESAMPLES[[peer]])["Dxy", c("index.orig", "index.corrected")]
  (abs(found) + 1) / 2
}
calls <- list(
  coxph.fit = function() coxph.fit(x, y, NULL, NULL, NULL, control, NULL, "efron", rows)$coefficients,
  coxph = function() coef(coxph(y ~ ., data = table)),
  survfit = function() tail(survfit(y ~ 1)$surv, 1),
  concordance = function() concordance(y ~ index, reverse = TRUE)$concordance,
  "rms::validate" = corrected,
  mice = mice_resamples,
  ranger = function() forest(if (kind == "importance") "permutation" else "none")
)
call <- calls[[peer]]
# How many pieces of work a call holds.
units <- if (is.na(RESAMPLES[peer])) 1 else RESAMPLES[[peer]]
# What does not count: importance is what a forest with it costs more than one without.
without <- if (kind == "importance") function() forest("none")

# What is compared; a forest gives its index of the rows that it was not trained on, which the driver ranks.
check_of <- function(done) {
  if (kind == "importance") return(1 - done$prediction.error)
  if (kind != "forest") return(done)
  counted <- done$unique.death.times %in% learnt$time[learnt$event == 1]
  rowSums(predict(done, new, num.threads = 1)$chf[, counted])
}

# NA where the system does not tell.
memory <- function(field) {
  lines <- tryCatch(readLines("/proc/self/status"), error = function(e) character(), warning = function(w) character())
  line <- grep(field, lines, value = TRUE)
  if (length(line)) as.numeric(gsub("[^0-9]", "", line)) * 1024 else NA
}
cpu_of_one <- function(call, calls) {
  start <- sum(proc.time()[1:2])
  for (i in seq_len(calls)) call()
  (sum(proc.time()[1:2]) - start) / calls
}
cpu_of <- function(calls) cpu_of_one(call, calls) - if (is.null(without)) 0 else cpu_of_one(without, calls)

invisible(gc())
before <- memory("VmRSS")
try(cat("5", file = "/proc/self/clear_refs"), silent = TRUE)
start <- sum(proc.time()[1:2])
done <- call()
first <- sum(proc.time()[1:2]) - start
peak <- memory("VmHWM") - before
check <- check_of(done)
rm(done)
samples <- once <- if (first < VERY_SLOW || !is.null(without)) cpu_of(1) else first
# A difference of two long calls is taken once.
if (once < SLOW && is.null(without)) {
  calls_of_sample <- 1
  while (cpu_of(calls_of_sample) * calls_of_sample < SAMPLE) calls_of_sample <- 2 * calls_of_sample
  samples <- replicate(SAMPLES, cpu_of(calls_of_sample))
}
cat(sprintf(
  '{"cpu": %.9g, "first": %.6g, "peak": %s, "check": [%s], "version": "R %s, survival %s"}\n',
  median(samples) / units, first, if (is.na(peak)) "null" else sprintf("%.0f", peak),
  paste(sprintf("%.17g", check), collapse = ", "), getRversion(), packageVersion("survival")
))
