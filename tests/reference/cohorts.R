# Computes the answers of the study files in notebooks/studies in R and writes them to
# tests/reference/cohorts/<study>.json. Run from the root of the repository: make reference
#
# Each value names the record of results.json that it answers (where), its numbers (expect), the R call, and the
# tolerance: a number may be atol + rtol * |expected| away. null is a number that must be missing.

suppressMessages({
  library(survival)
  library(jsonlite)
})

STUDIES <- file.path("notebooks", "studies")
OUT <- file.path("tests", "reference", "cohorts")
CONVERGED <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)
RTOL <- 1e-6
ATOL <- 1e-10

# ---- writing -----------------------------------------------------------------------------------------------------

value <- function(where, expect, r, rtol = RTOL, atol = ATOL) {
  expect <- lapply(expect, function(v) if (is.na(v)) NA else unname(v))
  list(list(where = lapply(where, unbox), expect = lapply(expect, unbox), rtol = unbox(rtol), atol = unbox(atol),
            r = unbox(r)))
}

write_study <- function(study, file, d, prepared, values) {
  content <- list(
    schema = unbox(1L), study = unbox(study),
    r_version = unbox(paste(R.version$major, R.version$minor, sep = ".")),
    packages = list(survival = unbox(as.character(packageVersion("survival")))),
    data = list(file = unbox(file), rows = unbox(nrow(d))), prepared = prepared, values = values
  )
  text <- toJSON(content, digits = NA, null = "null", na = "null", pretty = FALSE)
  # one value a line, so that a change of one number is a change of one line
  text <- gsub('{"where":', '\n{"where":', text, fixed = TRUE)
  writeLines(text, file.path(OUT, paste0(study, ".json")), useBytes = TRUE)
}

# ---- quantities --------------------------------------------------------------------------------------------------

counts <- function(endpoint, n, n_event, r) {
  value(list(endpoint = endpoint, step = "counts", measure = "patients and events"),
    list(n = n, n_event = n_event, n_censor = n - n_event), r, 0, 0)
}

causes <- function(endpoint, event, labels, r) {
  do.call(c, lapply(seq_along(labels), function(k) {
    value(list(endpoint = endpoint, step = "counts", group = labels[k]), list(n_event = sum(event == k)), r, 0, 0)
  }))
}

step_of <- function(...) paste(Filter(nzchar, c(...)), collapse = "/")

# Under observation just before a time. Where rows enter late, summary(survfit) counts for a time between two steps
# those at risk at the next step, some of whom are not there yet.
at_risk <- function(s, t) sum((if (ncol(s) == 3) s[, 1] < t else TRUE) & t <= s[, ncol(s) - 1])

# Kaplan-Meier medians and survival at the horizons with log-log limits, missing beyond the last follow-up of a group.
curves <- function(endpoint, by, surv, group, horizons) {
  step <- step_of("curve", endpoint, by)
  keep <- if (nzchar(by)) !is.na(group) else rep(TRUE, nrow(surv))
  levels <- if (nzchar(by)) levels(group) else ""
  out <- list()
  for (level in levels) {
    mine <- keep & if (nzchar(by)) group %in% level else TRUE
    s <- surv[mine]
    f <- survfit(s ~ 1, conf.type = "log-log")
    where <- list(endpoint = endpoint, step = step, group = level)
    call <- sprintf("survfit(%s ~ 1, conf.type = 'log-log')", endpoint)
    if (nzchar(level)) call <- paste(call, "in", level)
    numbers <- list(n = sum(mine), n_event = sum(s[, ncol(s)]))
    out <- c(out, value(c(where, measure = "patients and events"), numbers, call, 0, 0))
    q <- quantile(f, 0.5)
    out <- c(out, value(c(where, measure = "quantile"),
      list(estimate = q$quantile, conf_low = q$lower, conf_high = q$upper), paste("quantile of", call)))
    u <- summary(f, times = horizons, extend = TRUE)
    for (k in seq_along(horizons)) {
      there <- horizons[k] <= max(f$time)
      pick <- function(x) if (there) x[k] else NA
      out <- c(out, value(c(where, measure = "survival", time = horizons[k]),
        list(estimate = pick(u$surv), std_error = pick(u$std.err), conf_low = pick(u$lower), conf_high = pick(u$upper),
             n_risk = at_risk(s, horizons[k])), sprintf("summary(%s, times = %g)", call, horizons[k])))
    }
  }
  out
}

# The log-rank test by its definition, which survdiff does not have for rows that enter late: at each time of an event,
# observed less expected in each group, and the hypergeometric covariance.
logrank <- function(endpoint, by, surv, group) {
  keep <- !is.na(group)
  s <- surv[keep]
  g <- droplevels(group[keep])
  late <- ncol(s) == 3
  entry <- if (late) s[, 1] else rep(-1, nrow(s))
  time <- s[, ncol(s) - 1]
  status <- s[, ncol(s)]
  k <- nlevels(g)
  observed <- expected <- numeric(k)
  V <- matrix(0, k, k)
  for (t in sort(unique(time[status == 1]))) {
    at <- tabulate(g[entry < t & t <= time], k)
    died <- tabulate(g[time == t & status == 1], k)
    n <- sum(at)
    d <- sum(died)
    observed <- observed + died
    expected <- expected + d * at / n
    if (n > 1) V <- V + d * (n - d) / (n - 1) * (diag(at / n, k) - outer(at / n, at / n))
  }
  z <- (observed - expected)[-1]
  chisq <- drop(z %*% solve(V[-1, -1, drop = FALSE]) %*% z)
  if (!late) {
    r <- survdiff(s ~ g)
    stopifnot(all.equal(r$chisq, chisq), all.equal(as.vector(r$exp), expected))
  }
  call <- if (late) "hypergeometric log-rank by definition, at risk: entry < t <= time" else "survdiff"
  where <- list(endpoint = endpoint, step = step_of("logrank", endpoint, by))
  out <- value(c(where, measure = "test"),
    list(statistic = chisq, df = k - 1, p_value = pchisq(chisq, k - 1, lower.tail = FALSE)), call)
  for (i in seq_len(k)) {
    out <- c(out, value(c(where, measure = "events by group", group = levels(g)[i]),
      list(n = sum(g == levels(g)[i]), observed = observed[i], expected = expected[i]), call))
  }
  out
}

incidence <- function(endpoint, by, time, event, labels, group, horizons) {
  step <- step_of("incidence", endpoint, by)
  levels <- if (nzchar(by)) levels(group) else ""
  out <- list()
  for (level in levels) {
    mine <- if (nzchar(by)) group %in% level else rep(TRUE, length(time))
    f <- survfit(Surv(time[mine], factor(event[mine], 0:length(labels))) ~ 1)
    u <- summary(f, times = horizons, extend = TRUE)
    for (k in seq_along(horizons)) for (j in seq_along(labels)) {
      there <- horizons[k] <= max(f$time)
      out <- c(out, value(
        list(endpoint = endpoint, step = step, group = level, level = labels[j], time = horizons[k]),
        list(estimate = if (there) u$pstate[k, j + 1] else NA, std_error = if (there) u$std.err[k, j + 1] else NA),
        "summary(survfit(Surv(time, factor(event)) ~ 1), times)"))
    }
  }
  out
}

# One term without the others, in all patients who have a value of it.
alone <- function(endpoint, model, formula, data, terms, name) {
  formula <- update(formula, paste(". ~", name))
  f <- do.call(coxph, list(formula, data = data, control = CONVERGED))
  own <- terms[terms == name | startsWith(terms, paste0(name, "["))]
  b <- coef(f)
  se <- sqrt(diag(vcov(f)))
  stopifnot(length(b) == length(own))
  do.call(c, lapply(seq_along(own), function(i) {
    value(list(endpoint = endpoint, step = paste("cox", model, name, sep = "/"), term = own[i]),
      list(estimate = exp(b[i]), std_error = se[i], statistic = b[i] / se[i], n = f$n, n_event = f$nevent),
      sprintf("coxph(%s)", deparse(formula, width.cutoff = 500L)))
  }))
}

# `terms` are the names of the coefficients in results.json, `tested` those of the terms of cox.zph.
cox <- function(endpoint, model, formula, data, terms, tested) {
  f <- do.call(coxph, list(formula, data = data, control = CONVERGED))
  call <- sprintf("coxph(%s)", paste(deparse(formula, width.cutoff = 500L), collapse = ""))
  where <- list(endpoint = endpoint, step = paste0("cox/", model))
  b <- coef(f)
  se <- sqrt(diag(vcov(f)))
  out <- value(c(where, measure = "fit"), list(n = f$n, n_event = f$nevent, loglik_null = f$loglik[1],
    loglik = f$loglik[2], aic = AIC(f), bic = BIC(f)), call, 1e-8)
  s <- summary(f)$logtest
  lr <- 2 * diff(f$loglik)
  out <- c(out, value(c(where, measure = "likelihood-ratio test"),
    list(statistic = lr, df = s[["df"]], p_value = pchisq(lr, s[["df"]], lower.tail = FALSE)), paste("LR of", call)))
  for (i in seq_along(terms)) {
    z <- b[i] / se[i]
    out <- c(out, value(c(where, measure = "log hazard ratio", term = terms[i]),
      list(estimate = b[i], std_error = se[i], statistic = z, p_value = 2 * pnorm(-abs(z))), call))
    limits <- exp(b[i] + c(-1, 1) * qnorm(0.975) * se[i])
    out <- c(out, value(c(where, measure = "hazard ratio", term = terms[i]),
      list(estimate = exp(b[i]), conf_low = limits[1], conf_high = limits[2]), paste("exp of", call)))
  }
  z <- cox.zph(f)$table
  rows <- c(tested, "GLOBAL")
  stopifnot(nrow(z) == length(rows))
  for (i in seq_along(rows)) {
    out <- c(out, value(list(endpoint = endpoint, step = paste0("proportional_hazards/", model), term = rows[i]),
      list(statistic = z[i, "chisq"], df = z[i, "df"], p_value = z[i, "p"]), sprintf("cox.zph(%s)", call)))
  }
  if (length(tested) > 1) for (name in tested) out <- c(out, alone(endpoint, model, formula, data, terms, name))
  k <- concordance(f)
  c(out, value(list(endpoint = endpoint, step = paste0("concordance/", model), group = ""),
    list(estimate = k$concordance, std_error = sqrt(k$var)), sprintf("concordance(%s)", call)))
}

# Follow-up by the reverse method: censorings are the events, and at a tied time the events leave first; times here
# are whole days or months, or years told apart by more than the shift.
follow_up <- function(endpoint, entry, time, event, shift = 0.25) {
  last <- time - shift * (event > 0)
  s <- if (is.null(entry)) Surv(last, event == 0) else Surv(entry, last, event == 0)
  q <- quantile(survfit(s ~ 1, conf.type = "log-log"), c(0.25, 0.5, 0.75))
  out <- list()
  for (k in 1:3) {
    out <- c(out, value(
      list(endpoint = endpoint, step = paste0("follow_up/", endpoint), probability = c(0.25, 0.5, 0.75)[k]),
      list(estimate = q$quantile[k], conf_low = q$lower[k], conf_high = q$upper[k]),
      "quantile(survfit(Surv(time less a little for events, censored) ~ 1, conf.type = 'log-log'))"))
  }
  out
}

at_landmark <- function(endpoint, at, time, event) {
  where <- list(endpoint = endpoint, step = "landmark")
  gone <- time <= at
  c(
    value(c(where, measure = "patients at the landmark"), list(time = at, n = sum(!gone)), "sum(time > at)", 0, 0),
    value(c(where, level = "death"), list(n_missing = sum(gone & event == 1)), "sum(time <= at & event)", 0, 0),
    value(c(where, level = "observation ended"), list(n_missing = sum(gone & event == 0)),
      "sum(time <= at & !event)", 0, 0)
  )
}

read_study <- function(study, file) read.csv(file.path(STUDIES, study, file))
cut_at <- function(x, cuts, labels) cut(x, c(-Inf, cuts, Inf), right = FALSE, labels = labels)

# ---- acute myeloid leukemia, northwest England -------------------------------------------------------------------

d <- read_study("aml_northwest_england", "aml_northwest_england.csv")
d$fac_sex <- factor(d$fac_sex, 0:1, c("female", "male"))
d$age_group <- cut_at(d$num_age, c(60, 75), c("under 60 years", "60 to 74 years", "75 years and over"))
s <- Surv(d$time, d$event)
write_study("aml_northwest_england", "aml_northwest_england.csv", d, list(), c(
  counts("os", nrow(d), sum(d$event), "sum(event)"),
  follow_up("os", NULL, d$time, d$event),
  curves("os", "age_group", s, d$age_group, c(365, 1095)), logrank("os", "age_group", s, d$age_group),
  cox("os", "clinical", Surv(time, event) ~ num_age + fac_sex + num_wbc + num_tpi, d,
    c("num_age", "fac_sex[male]", "num_wbc", "num_tpi"), c("num_age", "fac_sex", "num_wbc", "num_tpi"))
))

# ---- early-stage follicular lymphoma -----------------------------------------------------------------------------

d <- read_study("follicular_lymphoma", "follicular_lymphoma.csv")
d$fac_clinstg <- factor(d$fac_clinstg, 1:2, c("stage I", "stage II"))
d$fac_ch <- factor(d$fac_ch, c("N", "Y"), c("no", "yes"))
d$age_group <- cut_at(d$num_age, 60, c("under 60 years", "60 years and over"))
s <- Surv(d$time, d$event > 0)
horizons <- c(2, 5, 10)
names <- c("relapse", "death without relapse")
terms <- c("num_age", "num_hgb", "fac_clinstg[stage II]", "fac_ch[yes]")
tested <- c("num_age", "num_hgb", "fac_clinstg", "fac_ch")
write_study("follicular_lymphoma", "follicular_lymphoma.csv", d, list(), c(
  counts("pfs", nrow(d), sum(d$event > 0), "sum(event > 0)"),
  counts("relapse", nrow(d), sum(d$event > 0), "sum(event > 0)"), causes("relapse", d$event, names, "sum(event == k)"),
  follow_up("pfs", NULL, d$time, d$event, 1e-5), follow_up("relapse", NULL, d$time, d$event, 1e-5),
  curves("pfs", "fac_clinstg", s, d$fac_clinstg, horizons), logrank("pfs", "fac_clinstg", s, d$fac_clinstg),
  curves("pfs", "age_group", s, d$age_group, horizons), logrank("pfs", "age_group", s, d$age_group),
  curves("relapse", "fac_clinstg", s, d$fac_clinstg, horizons), logrank("relapse", "fac_clinstg", s, d$fac_clinstg),
  incidence("relapse", "", d$time, d$event, names, NULL, horizons),
  incidence("relapse", "fac_clinstg", d$time, d$event, names, d$fac_clinstg, horizons),
  cox("pfs", "clinical", Surv(time, event > 0) ~ num_age + num_hgb + fac_clinstg + fac_ch, d, terms, tested),
  cox("relapse", "relapse", Surv(time, event == 1) ~ num_age + num_hgb + fac_clinstg + fac_ch, d, terms, tested)
))

# ---- monoclonal gammopathy, Mayo Clinic --------------------------------------------------------------------------

d <- read_study("mayo_plasma_cell", "mayo_mgus2.csv")
d$etime <- ifelse(d$pstat == 1, d$ptime, d$futime)
d$event <- ifelse(d$pstat == 1, 1, 2 * d$death)
d$sex <- factor(d$sex, c("F", "M"), c("female", "male"))
d$mspike_group <- cut_at(d$mspike, 1.5, c("below 1.5 g/dL", "1.5 g/dL and over"))
s <- Surv(d$etime, d$event > 0)
os <- Surv(d$futime, d$death)
horizons <- c(60, 120, 240)
names <- c("plasma-cell malignancy", "death without malignancy")
terms <- c("age", "sex[male]", "hgb", "log2(creat)", "mspike")
tested <- c("age", "sex", "hgb", "log2(creat)", "mspike")
write_study("mayo_plasma_cell", "mayo_mgus2.csv", d,
  list("etime <- ifelse(pstat == 1, ptime, futime)", "event <- ifelse(pstat == 1, 1, 2 * death)"), c(
  counts("malignancy", nrow(d), sum(d$event > 0), "sum(event > 0)"),
  causes("malignancy", d$event, names, "sum(event == k)"),
  counts("os", nrow(d), sum(d$death), "sum(death)"),
  follow_up("malignancy", NULL, d$etime, d$event), follow_up("os", NULL, d$futime, d$death),
  curves("malignancy", "mspike_group", s, d$mspike_group, horizons),
  logrank("malignancy", "mspike_group", s, d$mspike_group),
  curves("os", "mspike_group", os, d$mspike_group, horizons), logrank("os", "mspike_group", os, d$mspike_group),
  curves("os", "sex", os, d$sex, horizons), logrank("os", "sex", os, d$sex),
  incidence("malignancy", "", d$etime, d$event, names, NULL, horizons),
  incidence("malignancy", "mspike_group", d$etime, d$event, names, d$mspike_group, horizons),
  cox("malignancy", "malignancy", Surv(etime, event == 1) ~ age + sex + hgb + log2(creat) + mspike, d, terms, tested),
  cox("os", "death", Surv(futime, death) ~ age + sex + hgb + log2(creat) + mspike, d, terms, tested)
))

# ---- multiple myeloma, Mayo Clinic -------------------------------------------------------------------------------

d <- read_study("mayo_myeloma", "mayo_myeloma.csv")
periods <- c("1947 to 1969", "1970 to 1979", "1980 to 1989", "1990 to 1996")
d$period <- cut_at(d$year, c(70, 80, 90), periods)
s <- Surv(d$entry, d$futime, d$death)
horizons <- c(365, 1826, 3652)
write_study("mayo_myeloma", "mayo_myeloma.csv", d, list(), c(
  counts("os", nrow(d), sum(d$death), "sum(death)"),
  value(list(endpoint = "os", step = "counts", measure = "under observation only later"),
    list(n = nrow(d), estimate = sum(d$entry > 0)), "sum(entry > 0)", 0, 0),
  follow_up("os", d$entry, d$futime, d$death),
  curves("os", "", s, NULL, horizons),
  curves("os", "period", s, d$period, horizons), logrank("os", "period", s, d$period),
  cox("os", "year", Surv(entry, futime, death) ~ year, d, "year", "year"),
  cox("os", "period", Surv(entry, futime, death) ~ period, d, sprintf("period[%s]", periods[-1]), "period")
))

# ---- acute myeloid leukemia, a simulated trial -------------------------------------------------------------------

d <- read_study("aml_trial", "aml_myeloid.csv")
d$trt <- factor(d$trt, c("A", "B"), c("arm A", "arm B"))
d$sex <- factor(d$sex, c("f", "m"), c("female", "male"))
d$etime <- pmin(d$rltime, d$futime, na.rm = TRUE)
d$event <- as.numeric(!is.na(d$rltime) | d$death == 1)
yes_no <- function(yes, no, time, at) factor(ifelse(!is.na(time) & time <= at, yes, no), c(no, yes))
d$response <- yes_no("response", "no response", d$crtime, 60)
d$transplant <- yes_no("transplant", "no transplant", d$txtime, 180)
os <- Surv(d$futime, d$death)
efs <- Surv(d$etime, d$event)
horizons <- c(365, 1096)
values <- c(
  counts("os", nrow(d), sum(d$death), "sum(death)"), counts("efs", nrow(d), sum(d$event), "sum(event)"),
  follow_up("os", NULL, d$futime, d$death), follow_up("efs", NULL, d$etime, d$event),
  curves("os", "trt", os, d$trt, horizons), logrank("os", "trt", os, d$trt),
  curves("efs", "trt", efs, d$trt, horizons), logrank("efs", "trt", efs, d$trt),
  cox("os", "os", Surv(futime, death) ~ trt + sex, d, c("trt[arm B]", "sex[male]"), c("trt", "sex")),
  cox("efs", "efs", Surv(etime, event) ~ trt + sex, d, c("trt[arm B]", "sex[male]"), c("trt", "sex"))
)
for (at in c(60, 180)) {
  endpoint <- paste0("os_", at)
  by <- if (at == 60) "response" else "transplant"
  left <- d[d$futime > at, ]
  left$time <- left$futime - at
  s <- Surv(left$time, left$death)
  formula <- as.formula(sprintf("Surv(time, death) ~ %s + trt + sex", by))
  term <- sprintf("%s[%s]", by, levels(left[[by]])[2])
  values <- c(values,
    counts(endpoint, nrow(left), sum(left$death), "sum(death[futime > at])"),
    at_landmark(endpoint, at, d$futime, d$death),
    follow_up(endpoint, NULL, left$time, left$death),
    curves(endpoint, by, s, left[[by]], horizons), logrank(endpoint, by, s, left[[by]]),
    cox(endpoint, by, formula, left, c(term, "trt[arm B]", "sex[male]"), c(by, "trt", "sex"))
  )
}
write_study("aml_trial", "aml_myeloid.csv", d,
  list("etime <- pmin(rltime, futime, na.rm = TRUE)", "event <- !is.na(rltime) | death == 1",
       "time <- (futime - at)[futime > at]", "response <- !is.na(crtime) & crtime <= 60",
       "transplant <- !is.na(txtime) & txtime <= 180"), values)
