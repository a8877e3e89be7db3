# Computes the answers of the cases that survmodel adds to the stored ones, in R, and writes them to
# tests/reference/cases/<case>/ (data.csv and expected.json). Run from the root of the repository: make reference
#
# expected.json names, under settings, the columns of the outcome and the analyses; a value is called
# <analysis>.<quantity> and carries the R call that gave it.

suppressMessages({
  library(survival)
  library(jsonlite)
})

ROOT <- file.path("tests", "reference", "cases")
AML <- file.path("notebooks", "studies", "aml_northwest_england", "aml_northwest_england.csv")
CONVERGED <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)

source(file.path("tests", "reference", "quantities.R"))

# ---- acute myeloid leukemia, northwest England -------------------------------------------------------------------

aml <- read.csv(AML)
aml <- with(aml, data.frame(time, event, age = num_age, sex = fac_sex, wbc = num_wbc, tpi = num_tpi))
aml$age_group <- cut(aml$age, c(-Inf, 60, 75, Inf), right = FALSE, labels = c("a_under_60", "b_60_to_74", "c_75_over"))
terms <- "age + sex + wbc + tpi"
main <- coxph(Surv(time, event) ~ age + sex + wbc + tpi, aml, control = CONVERGED)
default <- coxph(Surv(time, event) ~ age + sex + wbc + tpi, aml)
by_stratum <- coxph(Surv(time, event) ~ age + wbc + tpi + strata(sex), aml, control = CONVERGED)
grouped <- coxph(Surv(time, event) ~ age_group + sex + wbc, aml, control = CONVERGED)
aml$lp <- predict(main, type = "lp", reference = "zero")
new_aml <- data.frame(age = c(45, 70, 82), sex = c(0, 1, 0), wbc = c(5, 40, 150), tpi = c(-2, 0, 4))
times <- c(30, 365, 1095)
curves <- list(overall = "1", by_sex = "sex", by_age_group = "age_group")
values <- c(
  named("main", c(cox_values(main, "coxph(Surv(time, event) ~ age + sex + wbc + tpi)"), zph_values(main),
                  prediction_values(main, new_aml, times))),
  named("main", list(coef_default_control = value(coef(default), "coxph(...) with R's default control", rtol = 1e-6))),
  named("by_stratum", c(cox_values(by_stratum, "coxph(... + strata(sex))"), zph_values(by_stratum, c("km", "identity")),
                        list(basehaz = basehaz_value(by_stratum)))),
  named("grouped", c(cox_values(grouped, "coxph(... age_group + sex + wbc)"), zph_values(grouped, c("km", "rank"))))
)
for (name in names(curves)) {
  formula <- as.formula(paste("Surv(time, event) ~", curves[[name]]))
  k <- km_values(formula, aml, paste("survfit", deparse(formula)), times = c(365, 1095), types = c("log-log", "log"))
  k$rmst_1095 <- rmst_value(formula, aml, 1095)
  values <- c(values, named(name, k))
}
tests <- list(
  test_sex = survdiff_value(Surv(time, event) ~ sex, aml, "survdiff(~ sex)"),
  test_age_group = survdiff_value(Surv(time, event) ~ age_group, aml, "survdiff(~ age_group)"),
  test_age_group_rho1 = survdiff_value(Surv(time, event) ~ age_group, aml, "survdiff(~ age_group, rho=1)", 1),
  test_sex_rho1 = survdiff_value(Surv(time, event) ~ sex, aml, "survdiff(~ sex, rho=1)", 1)
)
for (name in names(tests)) values[[paste0(name, ".survdiff")]] <- tests[[name]]
s <- survdiff(Surv(time, event) ~ age_group + strata(sex), aml)
values$test_age_group_in_sex.survdiff <- value(
  list(n = as.vector(table(aml$age_group)), obs = rowSums(s$obs), exp = rowSums(s$exp), var = s$var, chisq = s$chisq,
       df = 2, p = pchisq(s$chisq, 2, lower.tail = FALSE)), "survdiff(~ age_group + strata(sex))", "exact", atol = 1e-12
)
# Test for trend by its definition from the parts of survdiff.
s <- survdiff(Surv(time, event) ~ age_group, aml)
w <- c(1, 2, 4)
trend <- sum(w * (s$obs - s$exp))^2 / drop(w %*% s$var %*% w)
values$trend_age_group.trend <- value(
  list(chisq = trend, df = 1, p = pchisq(trend, 1, lower.tail = FALSE)), "(s'(O - E))^2 / s'Vs, s = 1, 2, 4", "exact"
)
values$index.concordance <- concordance_value(
  concordance(Surv(time, event) ~ lp, aml, reverse = TRUE), "concordance(Surv(time, event) ~ lp, reverse=TRUE)"
)
values$index_in_sex.concordance <- concordance_value(
  concordance(Surv(time, event) ~ lp + strata(sex), aml, reverse = TRUE), "concordance(... + strata(sex))"
)
settings <- list(
  outcome = list(time = "time", event = "event"),
  analyses = list(
    main = list(kind = "cox", formula = terms, newdata = new_aml, times = times),
    by_stratum = list(kind = "cox", formula = "age + wbc + tpi", strata = "sex"),
    grouped = list(kind = "cox", formula = "age_group + sex + wbc", reference = list(age_group = "a_under_60")),
    overall = list(kind = "km", times = c(365, 1095)), by_sex = list(kind = "km", by = "sex", times = c(365, 1095)),
    by_age_group = list(kind = "km", by = "age_group", times = c(365, 1095)),
    test_sex = list(kind = "logrank", by = "sex"), test_age_group = list(kind = "logrank", by = "age_group"),
    test_age_group_rho1 = list(kind = "logrank", by = "age_group", rho = 1),
    test_sex_rho1 = list(kind = "logrank", by = "sex", rho = 1),
    test_age_group_in_sex = list(kind = "logrank", by = "age_group", strata = "sex"),
    trend_age_group = list(kind = "logrank", by = "age_group", scores = w),
    index = list(kind = "concordance", index = "lp"),
    index_in_sex = list(kind = "concordance", index = "lp", strata = "sex")
  )
)
write_case("aml_northwest_england", "Register of acute myeloid leukemia: every analysis of the example study", aml,
  settings, values)

# ---- start-stop data with strata ---------------------------------------------------------------------------------

cox <- function(...) c(list(kind = "cox"), list(...))

# One curve only: with id= and several curves survival 3.5-3 miscounts the censored. R keeps times at which somebody
# only goes on in the next row; survmodel does not.
curve_of_patients <- function(d) {
  f <- survfit(Surv(start, stop, event) ~ 1, d, id = id)
  u <- summary(f, censored = TRUE)
  happens <- u$n.event + u$n.censor > 0
  curve <- list(time = u$time, n_risk = u$n.risk, n_event = u$n.event, n_censor = u$n.censor, surv = u$surv,
    se_surv = u$std.err)
  value(lapply(curve, function(x) x[happens]), "survfit(Surv(start, stop, event) ~ 1, id=id)", "exact")
}

h <- data.frame(
  id = heart$id, start = heart$start, stop = heart$stop, event = heart$event, age = heart$age,
  surgery = heart$surgery, transplant = as.numeric(as.character(heart$transplant))
)
h$era <- cut(heart$year, c(-Inf, 1.5, 4, Inf), labels = c("early", "later", "middle"))
plain_fit <- coxph(Surv(start, stop, event) ~ age + surgery + transplant, h, control = CONVERGED)
strata_fit <- coxph(Surv(start, stop, event) ~ age + era + transplant + strata(surgery), h, control = CONVERGED)
breslow_fit <- coxph(Surv(start, stop, event) ~ age + transplant + strata(surgery), h, ties = "breslow",
  control = CONVERGED)
clustered <- coxph(Surv(start, stop, event) ~ age + surgery + transplant, h, cluster = id, control = CONVERGED)
h$lp <- predict(plain_fit, type = "lp", reference = "zero")
new_heart <- data.frame(age = c(-10, 0, 8), era = c("early", "later", "middle"), transplant = c(0, 1, 1),
  surgery = c(0, 1, 0))
times_heart <- c(20, 90, 180)
values <- c(
  named("main", c(cox_values(plain_fit, "coxph(Surv(start, stop, event) ~ age + surgery + transplant)"),
                  zph_values(plain_fit), residual_values(plain_fit), list(basehaz = basehaz_value(plain_fit)))),
  named("strata", c(cox_values(strata_fit, "coxph(... age + era + transplant + strata(surgery))"),
    zph_values(strata_fit),
                    residual_values(strata_fit), list(basehaz = basehaz_value(strata_fit)),
                    prediction_values(strata_fit, new_heart, times_heart))),
  named("breslow", c(cox_values(breslow_fit, "coxph(..., ties='breslow')"), zph_values(breslow_fit),
                     residual_values(breslow_fit), list(basehaz = basehaz_value(breslow_fit)),
                     prediction_values(breslow_fit, new_heart, times_heart))),
  named("clustered", cox_values(clustered, "coxph(..., cluster=id)")[c("coef", "se", "vcov", "naive_se",
    "wald_stat_unrounded")]),
  named("curve", km_values(Surv(start, stop, event) ~ surgery, h, "survfit(Surv(start, stop, event) ~ surgery)",
                           times = times_heart)),
  list(curve_ids.curve = curve_of_patients(h)),
  list(
    index.concordance = concordance_value(
      concordance(Surv(start, stop, event) ~ lp, h, reverse = TRUE), "concordance(Surv(start, stop, event) ~ lp)"),
    index_in_strata.concordance = concordance_value(
      concordance(Surv(start, stop, event) ~ lp + strata(surgery), h, reverse = TRUE),
        "concordance(... + strata(surgery))"),
    index_by_patient.concordance = concordance_value(
      concordance(Surv(start, stop, event) ~ lp, h, reverse = TRUE, cluster = id), "concordance(..., cluster=id)")
  )
)
settings <- list(
  outcome = list(time = "stop", event = "event", entry = "start"),
  analyses = list(
    main = cox(formula = "age + surgery + transplant"),
    strata = cox(formula = "age + era + transplant", strata = "surgery", reference = list(era = "early"),
                 newdata = new_heart, times = times_heart),
    breslow = cox(formula = "age + transplant", strata = "surgery", ties = "breslow", newdata = new_heart,
      times = times_heart),
    clustered = cox(formula = "age + surgery + transplant", cluster = "id"),
    curve = list(kind = "km", by = "surgery", times = times_heart), curve_ids = list(kind = "km", id = "id"),
    index = list(kind = "concordance", index = "lp"),
    index_in_strata = list(kind = "concordance", index = "lp", strata = "surgery"),
    index_by_patient = list(kind = "concordance", index = "lp", id = "id")
  )
)
write_case("heart_start_stop", "Start-stop data with strata, a two-column term and patients with two rows", h,
  settings, values)

# ---- weights that are not whole, with ties -----------------------------------------------------------------------

set.seed(20240611)
l <- lung[complete.cases(lung[, c("time", "status", "age", "sex", "ph.ecog", "inst")]), ]
l <- data.frame(
  time = pmax(1, round(l$time / 30)), event = l$status - 1, age = l$age, sex = l$sex, ecog = pmin(l$ph.ecog, 2),
    inst = l$inst
)
l$w <- round(rexp(nrow(l)) + 0.2, 2)
l$entry <- pmin(round(runif(nrow(l), 0, 3)), l$time - 1)
weighted <- coxph(Surv(time, event) ~ age + sex + ecog, l, weights = w, control = CONVERGED)
naive <- coxph(Surv(time, event) ~ age + sex + ecog, l, weights = w, robust = FALSE, control = CONVERGED)
breslow <- coxph(Surv(time, event) ~ age + sex + ecog, l, weights = w, ties = "breslow", control = CONVERGED)
cluster <- coxph(Surv(time, event) ~ age + ecog + strata(sex), l, weights = w, cluster = inst, control = CONVERGED)
late <- coxph(Surv(entry, time, event) ~ age + sex + ecog, l, weights = w, control = CONVERGED)
l$lp <- predict(weighted, type = "lp", reference = "zero")
new_lung <- data.frame(age = c(50, 70), sex = c(2, 1), ecog = c(0, 2))
times_lung <- c(3, 12, 24)
values <- c(
  named("weighted", c(cox_values(weighted, "coxph(..., weights=w)"), zph_values(weighted), residual_values(weighted),
                      list(basehaz = basehaz_value(weighted)), prediction_values(weighted, new_lung, times_lung))),
  named("breslow", c(cox_values(breslow, "coxph(..., weights=w, ties='breslow')"), residual_values(breslow),
    zph_values(breslow, "km"))),
  named("cluster", c(cox_values(cluster, "coxph(... + strata(sex), weights=w, cluster=inst)"), residual_values(cluster),
                     list(basehaz = basehaz_value(cluster)))),
  named("late", c(cox_values(late, "coxph(Surv(entry, time, event) ~ ..., weights=w)"), residual_values(late),
    zph_values(late, "km"))),
  named("curve", km_values(Surv(time, event) ~ sex, l, "survfit(~ sex, weights=w, robust=TRUE)", times_lung,
    weights = l$w, robust = TRUE, id = seq_len(nrow(l)))),
  named("curve_late", km_values(Surv(entry, time, event) ~ sex, l,
    "survfit(Surv(entry, time, event) ~ sex, weights=w, robust=TRUE)",
                                times_lung, weights = l$w, robust = TRUE, id = seq_len(nrow(l)))),
  list(
    index.concordance = concordance_value(
      concordance(Surv(time, event) ~ lp, l, reverse = TRUE, weights = w), "concordance(..., weights=w)"),
    index_late.concordance = concordance_value(
      concordance(Surv(entry, time, event) ~ lp, l, reverse = TRUE, weights = w),
        "concordance(Surv(entry, time, event) ~ lp, weights=w)"),
    index_in_sex.concordance = concordance_value(
      concordance(Surv(time, event) ~ lp + strata(sex), l, reverse = TRUE, weights = w),
        "concordance(... + strata(sex), weights=w)")
  )
)
settings <- list(
  outcome = list(time = "time", event = "event"),
  analyses = list(
    weighted = cox(formula = "age + sex + ecog", weights = "w", newdata = new_lung, times = times_lung),
    breslow = cox(formula = "age + sex + ecog", weights = "w", ties = "breslow"),
    cluster = cox(formula = "age + ecog", strata = "sex", weights = "w", cluster = "inst"),
    late = cox(formula = "age + sex + ecog", weights = "w", entry = "entry"),
    curve = list(kind = "km", by = "sex", weights = "w", times = times_lung),
    curve_late = list(kind = "km", by = "sex", weights = "w", entry = "entry", times = times_lung),
    index = list(kind = "concordance", index = "lp", weights = "w"),
    index_late = list(kind = "concordance", index = "lp", weights = "w", entry = "entry"),
    index_in_sex = list(kind = "concordance", index = "lp", weights = "w", strata = "sex")
  )
)
write_case("lung_weighted_ties", "Weights that are not whole on heavily tied times", l, settings, values)

# ---- Kaplan-Meier corner cases -----------------------------------------------------------------------------------

sets <- list(
  median_on_flat = data.frame(entry = 0, time = 1:4, event = 1),
  ends_on_level = data.frame(entry = 0, time = 1:4, event = c(1, 1, 0, 0)),
  flat_with_censoring = data.frame(entry = 0, time = c(1, 2, 2.5, 3, 4, 5, 6), event = c(1, 1, 0, 0, 1, 0, 1)),
  reaches_zero = data.frame(entry = 0, time = c(1, 1, 2, 3, 3), event = c(0, 1, 1, 1, 1)),
  one_event = data.frame(entry = 0, time = c(2, 3, 3, 5, 8, 9), event = c(0, 0, 1, 0, 0, 0)),
  no_event = data.frame(entry = 0, time = c(2, 3, 3, 5, 8, 9), event = 0),
  tied_censoring = data.frame(entry = 0, time = c(2, 2, 2, 5, 5, 5, 7, 7), event = c(1, 0, 0, 1, 1, 0, 0, 1)),
  tiny_first_risk_set = data.frame(
    entry = c(0, 0, 3, 3, 4, 4, 5, 5, 5, 6), time = c(2, 9, 7, 8, 8, 10, 11, 12, 12, 13), event = c(1, 0, 1, 1, 0, 1,
      0, 1, 1, 0)),
  empties_early = data.frame(entry = c(0, 1, 4, 4, 5), time = c(1.5, 2, 6, 8, 9), event = c(1, 1, 1, 0, 1)),
  time_zero = data.frame(entry = 0, time = c(0, 0, 1, 2, 4, 4), event = c(1, 0, 1, 0, 1, 0))
)
values <- list()
analyses <- list()
for (name in names(sets)) {
  d <- sets[[name]]
  if (all(d$entry == 0)) {
    k <- km_values(Surv(time, event) ~ 1, d, "survfit(Surv(time, event) ~ 1)", times = c(1, 2, 2.2))
  } else {
    k <- km_values(Surv(entry, time, event) ~ 1, d, "survfit(Surv(entry, time, event) ~ 1)", times = c(2, 5.5, 8))
  }
  values <- c(values, named(name, k))
  analyses[[name]] <- c(list(kind = "km", rows = name, times = if (all(d$entry == 0)) c(1, 2, 2.2) else c(2, 5.5, 8)),
                        if (all(d$entry == 0)) NULL else list(entry = "entry"))
}
all_sets <- do.call(rbind, lapply(names(sets), function(name) cbind(rows = name, sets[[name]])))
write_case("km_corner_cases", "Flats on the level, curves that end on it or at 0, tiny risk sets, no event", all_sets,
           list(outcome = list(time = "time", event = "event"), analyses = analyses), values)

# ---- log-rank: weights by formula, groups that cannot be told apart ----------------------------------------------

g <- data.frame(time = c(1, 2, 3, 3, 5, 6, 6, 8, 9, 11, 0.5, 0.7), event = c(1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 0),
                arm = rep(c("a", "b", "c"), c(5, 5, 2)))
g$time[6:10] <- c(2, 4, 6, 7, 10)
weighted_logrank <- function(d, weight) {
  groups <- sort(unique(d$arm))
  times <- sort(unique(d$time[d$event == 1]))
  U <- numeric(length(groups))
  V <- matrix(0, length(groups), length(groups))
  S <- peto <- 1
  for (t in times) {
    n_g <- sapply(groups, function(a) sum(d$arm == a & d$time >= t))
    d_g <- sapply(groups, function(a) sum(d$arm == a & d$time == t & d$event == 1))
    n <- sum(n_g); m <- sum(d_g)
    peto <- peto * (1 - m / (n + 1))
    w <- weight(n, S, peto)
    U <- U + w * (d_g - m * n_g / n)
    if (n > 1) V <- V + w^2 * m * (n - m) / (n - 1) * (diag(n_g / n) - tcrossprod(n_g / n))
    S <- S * (1 - m / n)
  }
  free <- which(diag(V) > 0)[-1]
  chisq <- drop(U[free] %*% solve(V[free, free], U[free]))
  list(chisq = chisq, df = length(free), p = pchisq(chisq, length(free), lower.tail = FALSE), U = U, var = V)
}
weights <- list(
  unweighted = function(n, S, peto) 1, gehan = function(n, S, peto) n, tarone_ware = function(n, S, peto) sqrt(n),
  peto_peto = function(n, S, peto) peto, modified_peto = function(n, S, peto) peto * n / (n + 1),
  fh_2_0 = function(n, S, peto) S^2, fh_0_1 = function(n, S, peto) 1 - S, fh_1_1 = function(n, S, peto) S * (1 - S)
)
values <- list(survdiff.survdiff = survdiff_value(Surv(time, event) ~ arm, g, "survdiff(~ arm)"))
analyses <- list(survdiff = list(kind = "logrank", by = "arm"))
for (name in names(weights)) {
  values[[paste0(name, ".weighted")]] <- value(weighted_logrank(g, weights[[name]]), "sums over event times", "exact")
  analyses[[name]] <- list(kind = "logrank", by = "arm")
  if (startsWith(name, "fh_")) {
    powers <- as.numeric(strsplit(name, "_")[[1]][2:3])
    analyses[[name]] <- c(analyses[[name]], list(rho = powers[1], gamma = powers[2]))
  } else if (name != "unweighted") analyses[[name]]$weighting <- gsub("_", "-", name)
}
write_case("logrank_group_censored_early", "A group censored before the first event; weights by formula", g,
           list(outcome = list(time = "time", event = "event"), analyses = analyses), values)

# ---- offset, interaction, ridge, nested models, two indices ------------------------------------------------------

v <- data.frame(time = veteran$time, event = veteran$status, trt = veteran$trt,
  celltype = factor(as.character(veteran$celltype)),
                karno = veteran$karno, age = veteran$age, diagtime = veteran$diagtime)
v$z <- round(0.01 * (v$diagtime - 8), 4)
crossed <- coxph(Surv(time, event) ~ age * trt + karno + offset(z), v, control = CONVERGED)
levels_crossed <- coxph(Surv(time, event) ~ karno * celltype, v,
                        control = CONVERGED)
contrast <- function(fit, a, b) {
  lp <- predict(fit, rbind(a, b), type = "lp")
  X <- model.matrix(delete.response(terms(fit)), rbind(a, b))[, -1]
  d <- X[2, ] - X[1, ]
  stopifnot(abs(sum(d * coef(fit)) - (lp[2] - lp[1])) < 1e-10)
  value(list(estimate = exp(sum(d * coef(fit))), se = sqrt(drop(d %*% vcov(fit) %*% d))),
    "difference of model.matrix rows")
}
base <- data.frame(age = 60, trt = 1, karno = 60, z = 0, celltype = factor("adeno", levels(v$celltype)))
of_type <- function(karno, type) {
  row <- base
  row$karno <- karno
  row$celltype <- factor(type, levels(v$celltype))
  row
}
small <- coxph(Surv(time, event) ~ karno, v, control = CONVERGED)
large <- coxph(Surv(time, event) ~ karno + celltype + age, v, control = CONVERGED)
a <- anova(small, large)
p_column <- grep("^P|Pr", names(a))
in_strata <- list(coxph(Surv(time, event) ~ karno + strata(celltype), v, control = CONVERGED),
                  coxph(Surv(time, event) ~ karno * trt + strata(celltype), v, control = CONVERGED))
b <- anova(in_strata[[1]], in_strata[[2]])
v$lp_small <- predict(small, type = "lp", reference = "zero")
v$lp_large <- predict(large, type = "lp", reference = "zero")
v$site <- rep(1:23, length.out = nrow(v))
both <- concordance(small, large)
ridge_fit <- function(ties, theta) coxph(Surv(time, event) ~ ridge(karno, age, trt, theta = theta, scale = FALSE), v,
  ties = ties,
                                         control = coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100,
                                           outer.max = 50))
values <- c(
  named("crossed", c(cox_values(crossed, "coxph(~ age * trt + karno + offset(z))"), residual_values(crossed),
                     zph_values(crossed, "km"), list(basehaz = basehaz_value(crossed, v$z)))),
  named("levels", c(cox_values(levels_crossed, "coxph(~ karno * celltype)"), zph_values(levels_crossed, c("km",
    "log")))),
  list(
    crossed.contrast_trt_at_age_60 = contrast(crossed, base, transform(base, trt = 2)),
    crossed.contrast_age_at_trt_2 = contrast(crossed, transform(base, age = 50, trt = 2), transform(base, age = 65,
      trt = 2)),
    levels.contrast_karno_in_squamous = contrast(
      levels_crossed, of_type(40, "squamous"), of_type(70, "squamous")),
    levels.contrast_celltype_at_50 = contrast(
      levels_crossed, of_type(50, "large"), of_type(50, "smallcell")),
    nested.lr = value(list(chisq = a$Chisq[2], df = a$Df[2], p = a[[p_column]][2]), "anova(small, large)", atol = 0),
    nested_in_strata.lr = value(list(chisq = b$Chisq[2], df = b$Df[2], p = b[[p_column]][2]), "anova(...) in strata",
      atol = 0),
    two_indices.difference = value(
      list(c1 = both$concordance[[1]], c2 = both$concordance[[2]], se1 = sqrt(both$var[1, 1]), se2 = sqrt(both$var[2,
        2]),
           se = sqrt(both$var[1, 1] + both$var[2, 2] - 2 * both$var[1, 2])), "concordance(small, large)"),
    clustered_index.clustered = value(
      with(concordance(Surv(time, event) ~ lp_large, v, reverse = TRUE, cluster = site), c(concordance, sqrt(var))),
      "concordance(..., cluster=site)")
  )
)
analyses <- list(
  crossed = cox(formula = "age * trt + karno + offset(z)"),
  levels = cox(formula = "karno * celltype", reference = list(celltype = "adeno")),
  nested = list(kind = "nested", small = "karno", large = "karno + celltype + age"),
  nested_in_strata = list(kind = "nested", small = "karno", large = "karno * trt", strata = "celltype"),
  two_indices = list(kind = "two_indices", first = "lp_small", second = "lp_large"),
  clustered_index = list(kind = "concordance", index = "lp_large", cluster = "site")
)
for (ties in c("efron", "breslow")) for (theta in c(0.5, 20)) {
  fit <- ridge_fit(ties, theta)
  name <- sprintf("ridge_%s_%g", ties, 10 * theta)
  values <- c(values, named(name, list(
    coef = value(fit$coefficients, sprintf("coxph(~ ridge(..., theta=%g, scale=FALSE), ties='%s')", theta, ties),
      rtol = 1e-7),
    loglik = value(fit$loglik[2], "fit$loglik[2]"), se = value(sqrt(diag(fit$var)), "sqrt(diag(fit$var))", rtol = 1e-7),
    df = value(sum(fit$df), "sum(fit$df)", rtol = 1e-7))))
  analyses[[name]] <- cox(formula = "karno + age + trt", ties = ties, theta = theta)
}
# The tests of a penalised fit, one ridge term for each column. R adds the penalty to the information of the changes
# over time as well, and so it is not followed to the last digit.
apart <- coxph(
  Surv(time, event) ~ ridge(karno, theta = 20, scale = FALSE) + ridge(age, theta = 20, scale = FALSE) +
    ridge(trt, theta = 20, scale = FALSE), v,
  control = coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100, outer.max = 50)
)
values$ridge_efron_200.zph_statistics <- value(
  cox.zph(apart, transform = "identity")$table[, "chisq"], "cox.zph(coxph(~ ridge(...)), 'identity')", "convention",
  rtol = 0.02
)
write_case("veteran_models", "Offset, interactions and their contrasts, ridge, nested models, two indices", v,
           list(outcome = list(time = "time", event = "event"), analyses = analyses), values)

# ---- competing events: follicular lymphoma, and a made cohort with late entry ------------------------------------

FOLLICULAR <- file.path("notebooks", "studies", "follicular_lymphoma", "follicular_lymphoma.csv")
f <- with(read.csv(FOLLICULAR), data.frame(time, cause = event, stage = fac_clinstg, entry = NA, exit = NA, rows = "all"))
n <- 80
late <- data.frame(time = NA, cause = rep(c(1, 0, 2, 1, 0), length.out = n), stage = NA,
                   entry = rep(c(0, 1.5, 0.5, 3), length.out = n), exit = NA, rows = "late")
late$exit <- late$entry + 0.5 * (1 + (seq_len(n) * 7) %% 23)
incidence_at <- function(fit, times) {
  s <- summary(fit, times = times)
  groups <- if (is.null(s$strata)) rep("", length(s$time)) else sub(".*=", "", as.character(s$strata))
  list(times = times, groups = unique(groups), estimate = s$pstate[, -1], se = s$std.err[, -1],
       lower = s$lower[, -1], upper = s$upper[, -1])
}
by_stage <- survfit(Surv(time, factor(cause)) ~ stage, f)
whole <- survfit(Surv(entry, exit, factor(cause)) ~ 1, late, id = seq_len(n))
used <- whole$time %in% late$exit
write_case(
  "competing_events", "Aalen-Johansen by stage in follicular lymphoma, and with late entry", rbind(f, late),
  list(outcome = list(event = "cause"), analyses = list(
    by_stage = list(kind = "incidence", rows = "all", time = "time", by = "stage", causes = 2),
    late = list(kind = "incidence", rows = "late", time = "exit", entry = "entry", causes = 2))),
  list(
    by_stage.at = value(incidence_at(by_stage, c(2, 5, 10)), "summary(survfit(Surv(time, factor(cause)) ~ stage))"),
    late.curve = value(
      list(time = whole$time[used], n_risk = whole$n.risk[used, 1], estimate = whole$pstate[used, -1],
           se = whole$std.err[used, -1]), "survfit(Surv(entry, exit, factor(cause)) ~ 1, id = )")
  )
)

# ---- Firth's penalised likelihood: ties by Efron, strata, late entry, a group without events ---------------------

# coxph without iterations gives log-likelihood and information at any coefficients; the rest is the definition.
firth_at <- function(formula, d, ties, b) {
  fit <- suppressWarnings(coxph(formula, d, ties = ties, init = b, control = coxph.control(iter.max = 0)))
  fit$loglik[1] - 0.5 * as.numeric(determinant(fit$var)$modulus)
}
firth_values <- function(formula, d, call, ties = "efron") {
  p <- 2
  objective <- function(b) -firth_at(formula, d, ties, b)
  best <- list(estimate = c(0, 0))
  for (again in 1:4) {
    best <- nlm(objective, best$estimate, gradtol = 1e-12, steptol = 1e-14, iterlim = 500, typsize = c(0.1, 0.1))
  }
  top <- -best$minimum
  b <- best$estimate
  at <- coxph(formula, d, ties = ties, init = b, control = coxph.control(iter.max = 0))
  profile_at <- function(j, x) {
    inner <- function(y) firth_at(formula, d, ties, if (j == 1) c(x, y) else c(y, x))
    other <- b[3 - j]
    optimize(inner, c(other - 8, other + 8), maximum = TRUE, tol = 1e-9)$objective
  }
  limit <- function(j, side) {
    se <- sqrt(at$var[j, j])
    gap <- function(x) 2 * (top - profile_at(j, x)) - qchisq(0.95, 1)
    uniroot(gap, sort(c(b[j], b[j] + side * 12 * se)), tol = 1e-9)$root
  }
  statistic <- sapply(1:2, function(j) 2 * (top - profile_at(j, 0)))
  list(
    # Found by a search without derivatives, which does not reach the last digits.
    coef = value(b, call, "search", rtol = 1e-5, atol = 1e-6), se = value(sqrt(diag(at$var)), call, "search", rtol = 1e-5),
    penalised_loglik = value(top, call, rtol = 1e-9), penalised_loglik_null = value(-objective(c(0, 0)), call, rtol = 1e-9),
    ci_profile_lower = value(sapply(1:2, limit, side = -1), call, "search", rtol = 1e-5, atol = 1e-5),
    ci_profile_upper = value(sapply(1:2, limit, side = 1), call, "search", rtol = 1e-5, atol = 1e-5),
    plr_chisq = value(statistic, call, "search", rtol = 1e-6, atol = 1e-7),
    plr_p = value(pchisq(statistic, 1, lower.tail = FALSE), call, "search", rtol = 1e-5)
  )
}
d <- with(na.omit(lung[1:70, c("time", "status", "age", "sex", "ph.ecog")]), data.frame(
  time = ceiling(time / 60), event = status - 1, age, sex, ecog = ph.ecog
))
d$entry <- pmax(0, d$time - 1 - (seq_len(nrow(d)) * 5) %% 7)
d$spared <- as.numeric(d$event == 0 & seq_len(nrow(d)) %% 2 == 0)
what <- "maximum of coxph's loglik + 0.5 log det information"
formulas <- list(
  ties = Surv(time, event) ~ age + ecog, strata = Surv(time, event) ~ age + ecog + strata(sex),
  late = Surv(entry, time, event) ~ age + ecog, separated = Surv(time, event) ~ age + spared
)
values <- list()
for (name in names(formulas)) {
  values <- c(values, named(name, firth_values(formulas[[name]], d, paste(what, deparse(formulas[[name]]), sep = ": "))))
}
values <- c(values, named("breslow", firth_values(formulas$ties, d, paste(what, "Breslow's ties", sep = ": "), "breslow")))
firth <- function(formula, ...) c(list(kind = "cox", formula = formula, penalty = "firth"), list(...))
write_case(
  "firth_ties", "Firth's penalised likelihood with ties, strata, late entry, and a group without events", d,
  list(outcome = list(time = "time", event = "event"), analyses = list(
    ties = firth("age + ecog"), strata = firth("age + ecog", strata = "sex"), late = firth("age + ecog", entry = "entry"),
    separated = firth("age + spared"), breslow = firth("age + ecog", ties = "breslow"))),
  values
)

# ---- groups at a time, restricted means, conditional survival ----------------------------------------------------

v <- with(veteran, data.frame(time, event = status, cell = as.character(celltype), trt = paste0("arm", trt)))
at_time <- function(by, t) {
  s <- summary(survfit(as.formula(paste("Surv(time, event) ~", by)), v), times = t)
  list(S = s$surv, se = s$std.err, groups = sub(".*=", "", as.character(s$strata)))
}
fixed_time <- function(by, t) {
  s <- at_time(by, t)
  y <- log(-log(s$S)); w <- (s$S * log(s$S))^2 / s$se^2
  pairs <- combn(length(y), 2)
  chisq <- sum(w * (y - sum(w * y) / sum(w))^2)
  list(
    difference = s$S[pairs[2, ]] - s$S[pairs[1, ]], se = sqrt(s$se[pairs[2, ]]^2 + s$se[pairs[1, ]]^2),
    p = 2 * pnorm(-abs((y[pairs[2, ]] - y[pairs[1, ]]) / sqrt(1 / w[pairs[2, ]] + 1 / w[pairs[1, ]]))),
    chisq = chisq, p_all = pchisq(chisq, length(y) - 1, lower.tail = FALSE)
  )
}
restricted <- function(by, h) {
  s <- summary(survfit(as.formula(paste("Surv(time, event) ~", by)), v), rmean = h)$table
  m <- s[, "rmean"]; se <- s[, "se(rmean)"]; pairs <- combn(length(m), 2)
  z <- (m[pairs[2, ]] - m[pairs[1, ]]) / sqrt(se[pairs[2, ]]^2 + se[pairs[1, ]]^2)
  chisq <- sum((m - sum(m / se^2) / sum(1 / se^2))^2 / se^2)
  list(difference = as.vector(m[pairs[2, ]] - m[pairs[1, ]]), se = as.vector(sqrt(se[pairs[2, ]]^2 + se[pairs[1, ]]^2)),
       p = as.vector(2 * pnorm(-abs(z))), chisq = chisq, p_all = pchisq(chisq, length(m) - 1, lower.tail = FALSE))
}
reached <- function(given, times) {
  fit <- survfit(Surv(time, event) ~ trt, v, start.time = given, conf.type = "log-log")
  s <- summary(fit, times = times)
  list(estimate = s$surv, se = s$std.err, lower = s$lower, upper = s$upper)
}
KLEIN <- "summary(survfit, times)$surv, $std.err; test of log(-log S), Klein et al. 2007"
RMEAN <- "summary(survfit, rmean)$table"
write_case(
  "group_differences", "Survival at a time, restricted means and conditional survival, Veterans' lung cancer trial", v,
  list(outcome = list(time = "time", event = "event"), analyses = list(
    cells = list(kind = "differences", by = "cell"), arms = list(kind = "differences", by = "trt"))),
  list(
    cells.survival_at_90 = value(fixed_time("cell", 90), KLEIN), arms.survival_at_90 = value(fixed_time("trt", 90), KLEIN),
    cells.rmst_150 = value(restricted("cell", 150), RMEAN), arms.rmst_300 = value(restricted("trt", 300), RMEAN),
    arms.conditional_60 = value(reached(60, c(90, 180, 270)), "summary(survfit(~ trt, start.time = 60), times)")
  )
)
