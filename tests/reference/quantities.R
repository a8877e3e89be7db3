# What make_cases.R stores of a fit, a curve or a test, and how it is written to disk.

# ---- writing -----------------------------------------------------------------------------------------------------

plain <- function(x) {
  if (is.list(x)) return(lapply(x, plain))
  if (is.matrix(x)) return(lapply(seq_len(nrow(x)), function(i) plain(unname(x[i, ]))))
  if (is.factor(x)) x <- as.character(x)
  x <- unname(x)
  if (!is.numeric(x)) return(if (length(x) == 1) x else as.list(x))
  out <- lapply(as.list(x), function(v) {
    if (is.nan(v)) "NaN" else if (is.na(v)) NULL else if (is.infinite(v)) if (v > 0) "Inf" else "-Inf" else v
  })
  if (length(out) == 1) out[[1]] else out
}

value <- function(x, r, kind = "iter", rtol = 1e-8, atol = 1e-10) {
  list(value = plain(x), rtol = unbox(rtol), atol = unbox(atol), kind = unbox(kind), r = unbox(r))
}

named <- function(prefix, values) setNames(values, paste(prefix, names(values), sep = "."))

write_case <- function(id, title, data, settings, values, packages = "survival", script = "make_cases.R") {
  folder <- file.path(ROOT, id)
  dir.create(folder, recursive = TRUE, showWarnings = FALSE)
  shown <- data
  for (name in names(shown)) {
    if (is.numeric(shown[[name]])) {
      text <- formatC(shown[[name]], digits = 17, format = "g")
      short <- formatC(shown[[name]], digits = 15, format = "g")
      shown[[name]] <- trimws(ifelse(as.numeric(short) == shown[[name]], short, text))
    }
  }
  write.csv(shown, file.path(folder, "data.csv"), row.names = FALSE, na = "", quote = FALSE)
  content <- list(
    schema = unbox(1L), id = unbox(id), title = unbox(title),
    r_version = unbox(paste(R.version$major, R.version$minor, sep = ".")),
    packages = lapply(setNames(packages, packages), function(p) unbox(as.character(packageVersion(p)))),
    data = list(file = unbox("data.csv"), rows = unbox(nrow(data)), columns = names(data)),
    settings = settings, values = values
  )
  text <- toJSON(content, digits = NA, auto_unbox = TRUE, null = "null", pretty = FALSE)
  # one value a line, so that a change of one number is a change of one line
  text <- gsub('("[A-Za-z0-9_.]+":\\{"value":)', "\n\\1", text)
  writeLines(text, file.path(folder, "expected.json"), useBytes = TRUE)
  calls <- unique(vapply(values, function(v) as.character(v$r), ""))
  readme <- c(
    paste("#", id), "", paste0(title, "."), "",
      sprintf("Data: `data.csv`, %d rows. Made by `tests/reference/%s`. R:", nrow(data), script),
    "", paste0("- `", calls, "`")
  )
  writeLines(readme, file.path(folder, "README.md"))
}

# ---- quantities --------------------------------------------------------------------------------------------------

cox_values <- function(fit, call) {
  s <- summary(fit)
  V <- vcov(fit)
  b <- coef(fit)
  out <- list(
    n = value(fit$n, call, "exact"), n_event = value(fit$nevent, call, "exact"),
    coef = value(b, call), se = value(sqrt(diag(V)), call), vcov = value(V, call, atol = 1e-12),
    loglik_null = value(fit$loglik[1], call), loglik = value(fit$loglik[2], call),
    lr_test = value(s$logtest, "summary(fit)$logtest", atol = 0),
    wald_stat_unrounded = value(drop(b %*% solve(V) %*% b), "coef' vcov^-1 coef"),
    score_test = value(s$sctest, "summary(fit)$sctest", atol = 0),
    p = value(2 * pnorm(-abs(b / sqrt(diag(V)))), "Wald p", atol = 0),
    aic = value(AIC(fit), "AIC(fit)"), bic = value(BIC(fit), "BIC(fit)"),
    concordance = value(s$concordance, "summary(fit)$concordance")
  )
  if (!is.null(fit$naive.var)) out$naive_se <- value(sqrt(diag(fit$naive.var)), "sqrt(diag(fit$naive.var))")
  out
}

zph_values <- function(fit, transforms = c("km", "identity", "rank", "log")) {
  out <- list()
  for (g in transforms) {
    z <- cox.zph(fit, transform = g)$table
    out[[paste0("zph_", g)]] <- value(
      list(row = rownames(z), chisq = z[, 1], df = z[, 2], p = z[, 3]), sprintf("cox.zph(fit, '%s')", g)
    )
  }
  out
}

residual_values <- function(fit) {
  out <- list()
  for (type in c("martingale", "deviance", "score", "schoenfeld", "scaledsch", "dfbeta", "dfbetas")) {
    r <- residuals(fit, type = type)
    attributes(r) <- attributes(r)[intersect(names(attributes(r)), "dim")]
    out[[paste0("resid_", type)]] <- value(r, sprintf("residuals(fit, '%s')", type))
  }
  out
}

# basehaz(centered=FALSE) puts the covariates at 0 and leaves the offset at its mean; survmodel puts both at 0.
basehaz_value <- function(fit, offset = 0) {
  # a warning says that means of products are odd; at 0 they do not matter
  h <- suppressWarnings(basehaz(fit, centered = FALSE))
  v <- list(time = h$time, hazard = h$hazard * exp(-mean(offset)))
  if (!is.null(h$strata)) v$strata <- as.character(h$strata)
  value(v, "basehaz(fit, centered=FALSE) at offset 0")
}

# Curves of new patients at fixed times, one row for each time and one column for each patient.
prediction_values <- function(fit, newdata, times) {
  out <- list()
  for (type in c("log", "log-log", "plain")) {
    parts <- lapply(seq_len(nrow(newdata)), function(i) {
      s <- summary(survfit(fit, newdata = newdata[i, , drop = FALSE], conf.type = type), times = times)
      cbind(s$surv, s$std.err, s$lower, s$upper)
    })
    pick <- function(k) sapply(parts, function(p) p[, k])
    call <- sprintf("summary(survfit(fit, newdata, conf.type='%s'), times)", type)
    tag <- gsub("-", "", type)
    if (type == "log") {
      out$pred_surv <- value(pick(1), call)
      out$pred_se <- value(pick(2), call)
    }
    out[[paste0("pred_", tag, "_lower")]] <- value(pick(3), call)
    out[[paste0("pred_", tag, "_upper")]] <- value(pick(4), call)
  }
  out
}

km_values <- function(formula, data, call, times = NULL, types = c("log", "log-log", "plain", "logit", "arcsin"), ...) {
  more <- list(...)
  curves <- function(...) do.call(survfit, c(list(formula, data = data), more, list(...)))
  f <- curves()
  u <- summary(f, censored = TRUE)
  curve <- list(
    time = u$time, n_risk = u$n.risk, n_event = u$n.event, n_censor = u$n.censor, surv = u$surv, se_surv = u$std.err
  )
  if (!is.null(f$strata)) curve$stratum <- as.character(u$strata)
  out <- list(curve = value(curve, call, "exact"), cumhaz = value(f$cumhaz, "fit$cumhaz", "exact"))
  for (type in types) {
    g <- curves(conf.type = type)
    tag <- gsub("-", "", type)
    label <- sprintf("survfit(conf.type='%s')", type)
    out[[paste0("ci_", tag, "_lower")]] <- value(g$lower, label, "exact")
    out[[paste0("ci_", tag, "_upper")]] <- value(g$upper, label, "exact")
    q <- quantile(g, c(0.1, 0.25, 0.5, 0.75, 0.9))
    out[[paste0("quantiles_", tag)]] <- value(
      list(quantile = q$quantile, lower = q$lower, upper = q$upper), paste("quantile of", label), "exact", rtol = 1e-12
    )
  }
  if (!is.null(times)) {
    s <- summary(curves(conf.type = "log-log"), times = times, extend = TRUE)
    out$at <- value(
      list(surv = s$surv, se = s$std.err, n_risk = s$n.risk, lower = s$lower, upper = s$upper),
      "summary(survfit(conf.type='log-log'), times, extend=TRUE)", "exact"
    )
  }
  out
}

rmst_value <- function(formula, data, horizon) {
  table <- summary(survfit(formula, data), rmean = horizon)$table
  if (is.matrix(table)) v <- list(rmst = table[, "rmean"], se = table[, "se(rmean)"])
  else v <- list(rmst = table[["rmean"]], se = table[["se(rmean)"]])
  value(v, sprintf("summary(survfit, rmean=%g)$table", horizon), "exact")
}

survdiff_value <- function(formula, data, call, rho = 0) {
  s <- survdiff(formula, data, rho = rho)
  total <- function(x) if (is.matrix(x)) rowSums(x) else x
  n <- as.vector(s$n)
  df <- sum(total(s$exp) > 0) - 1
  value(
    list(n = n, obs = total(s$obs), exp = total(s$exp), var = s$var, chisq = s$chisq, df = df,
         p = pchisq(s$chisq, df, lower.tail = FALSE)),
    call, "exact", atol = 1e-12
  )
}

concordance_value <- function(object, call) {
  total <- function(x) if (is.matrix(x)) colSums(x) else x
  value(
    list(concordance = object$concordance, se = sqrt(drop(object$var)), counts = as.list(total(object$count))),
    call, "exact"
  )
}
