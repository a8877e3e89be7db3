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

# As in measure.py; the clock of R is coarser.
SAMPLE <- 0.2
SLOW <- 1
SAMPLES <- 5

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
calls <- list(
  coxph.fit = function() coxph.fit(x, y, NULL, NULL, NULL, control, NULL, "efron", rows)$coefficients,
  coxph = function() coef(coxph(y ~ ., data = table)),
  survfit = function() tail(survfit(y ~ 1)$surv, 1),
  concordance = function() concordance(y ~ index, reverse = TRUE)$concordance
)
call <- calls[[peer]]

# NA where the system does not tell.
memory <- function(field) {
  lines <- tryCatch(readLines("/proc/self/status"), error = function(e) character(), warning = function(w) character())
  line <- grep(field, lines, value = TRUE)
  if (length(line)) as.numeric(gsub("[^0-9]", "", line)) * 1024 else NA
}
cpu_of <- function(calls) {
  start <- sum(proc.time()[1:2])
  for (i in seq_len(calls)) call()
  (sum(proc.time()[1:2]) - start) / calls
}

invisible(gc())
before <- memory("VmRSS")
try(cat("5", file = "/proc/self/clear_refs"), silent = TRUE)
start <- sum(proc.time()[1:2])
check <- call()
first <- sum(proc.time()[1:2]) - start
peak <- memory("VmHWM") - before
samples <- once <- cpu_of(1)
if (once < SLOW) {
  calls_of_sample <- 1
  while (cpu_of(calls_of_sample) * calls_of_sample < SAMPLE) calls_of_sample <- 2 * calls_of_sample
  samples <- replicate(SAMPLES, cpu_of(calls_of_sample))
}
cat(sprintf(
  '{"cpu": %.9g, "first": %.6g, "peak": %s, "check": [%s], "version": "R %s, survival %s"}\n',
  median(samples), first, if (is.na(peak)) "null" else sprintf("%.0f", peak),
  paste(sprintf("%.17g", check), collapse = ", "), getRversion(), packageVersion("survival")
))
