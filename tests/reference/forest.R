# Computes how well random survival forests of ranger tell the patients of real cohorts apart and writes it, with the
# rows, to tests/reference/forest.json. Run from the root of the repository: Rscript tests/reference/forest.R
#
# A forest depends on its seed: what can be compared is Harrell's C, out of bag and on rows not trained on. Factors are
# columns of 0 and 1, so that every program sees the same matrix.
#
# min.node.size: for survival, ranger 0.14 lets no child of a split be smaller than this, and counts a row as often as it
# was drawn. scikit-survival's min_samples_leaf (and our min_leaf with it) counts a drawn row once; on average a row that
# was drawn at all was drawn 1.6 times. Least leaves of 5 rows and of 7 draws give trees of about the same depth.
#
# Index: the cumulative hazard summed over the event times of the training rows. ranger's own error sums over all times,
# censored ones too; 1 - prediction.error is stored beside ours (oob_ranger) and differs in the third digit.

suppressMessages({
  library(survival)
  library(ranger)
  library(jsonlite)
})

TREES <- 500
NODE <- 7 # ranger's min.node.size
LEAF <- 5 # our min_leaf
FIRST_SEEDS <- 1:20
OTHER_SEEDS <- 1:6
SPLITS <- 5

# ---- cohorts -----------------------------------------------------------------------------------------------------

cohort <- function(source, time, event, columns) {
  d <- data.frame(time = time, event = as.integer(event), columns, check.names = FALSE)
  list(source = source, d = d[complete.cases(d), ])
}

sampled <- function(one, n, seed) {
  set.seed(seed)
  one$d <- one$d[sort(sample(nrow(one$d), n)), ]
  one$source <- sprintf("%s, %d rows drawn", one$source, n)
  one
}

cohorts <- function() {
  first <- pbc[1:312, ]
  death <- subset(colon, etype == 2)
  list(
    veteran = with(veteran, cohort("veteran", time, status, data.frame(
      trt, small = +(celltype == "smallcell"), adeno = +(celltype == "adeno"), large = +(celltype == "large"), karno,
      diagtime, age, prior))),
    lung = cohort("lung, complete rows", lung$time, lung$status == 2, lung[, c(
      "age", "sex", "ph.ecog", "ph.karno", "pat.karno", "meal.cal", "wt.loss")]),
    pbc = cohort("pbc, rows 1 to 312, complete", first$time, first$status == 2, transform(first[, c(
      "trt", "age", "sex", "ascites", "hepato", "spiders", "edema", "bili", "chol", "albumin", "copper", "alk.phos",
      "ast", "trig", "platelet", "protime", "stage")], sex = +(sex == "f"))),
    gbsg = cohort("gbsg", gbsg$rfstime, gbsg$status, gbsg[, c(
      "age", "meno", "size", "grade", "nodes", "pgr", "er", "hormon")]),
    colon = sampled(with(death, cohort("colon, deaths, complete rows", time, status, data.frame(
      lev = +(rx == "Lev"), lev5fu = +(rx == "Lev+5FU"), sex, age, obstruct, perfor, adhere, nodes, differ, extent,
      surg, node4))), 450, 1),
    rotterdam = sampled(with(rotterdam, cohort("rotterdam, deaths", dtime, death, data.frame(
      year, age, meno, size20 = +(size != "<=20"), size50 = +(size == ">50"), grade, nodes, pgr, er, hormon, chemo))),
      450, 2)
  )
}

# ---- forests -----------------------------------------------------------------------------------------------------

harrell <- function(d, index) concordance(Surv(d$time, d$event) ~ index, reverse = TRUE)$concordance

grown <- function(train, test, seed) {
  fit <- ranger(Surv(time, event) ~ ., train, num.trees = TREES, mtry = ceiling(sqrt(ncol(train) - 2)),
                min.node.size = NODE, splitrule = "logrank", replace = TRUE, seed = seed, num.threads = 1)
  counted <- fit$unique.death.times %in% train$time[train$event == 1]
  c(oob = harrell(train, rowSums(fit$chf[, counted])),
    test = harrell(test, rowSums(predict(fit, test, num.threads = 1)$chf[, counted])),
    oob_ranger = 1 - fit$prediction.error)
}

# Test rows are counted from 0; each split leaves out a third.
split_of <- function(n, k) {
  set.seed(100 + k)
  sort(sample(n, round(n / 3))) - 1
}

spread <- function(values) list(mean = unbox(mean(values)), sd = unbox(sd(values)))

answer <- function(split, d, seeds) {
  runs <- sapply(seeds, function(seed) grown(d[-(split + 1), ], d[split + 1, ], seed))
  list(test_rows = split, seeds = unbox(length(seeds)), oob = spread(runs["oob", ]), test = spread(runs["test", ]),
       oob_ranger = spread(runs["oob_ranger", ]))
}

content_of <- function(name, one) {
  message(name, " ", nrow(one$d), " x ", ncol(one$d) - 2, ", ", sum(one$d$event), " events")
  splits <- lapply(seq_len(SPLITS), function(k) {
    answer(split_of(nrow(one$d), k), one$d, if (k == 1) FIRST_SEEDS else OTHER_SEEDS)
  })
  x <- one$d[, -(1:2)]
  list(name = unbox(name), source = unbox(one$source), names = names(x), x = lapply(unname(as.list(x)), as.numeric),
       time = one$d$time, event = one$d$event, splits = splits)
}

all <- cohorts()
content <- list(
  r_version = unbox(paste(R.version$major, R.version$minor, sep = ".")),
  packages = list(ranger = unbox(as.character(packageVersion("ranger"))),
                  survival = unbox(as.character(packageVersion("survival")))),
  call = unbox(paste("ranger(Surv(time, event) ~ ., splitrule = 'logrank', replace = TRUE, num.trees, min.node.size,",
                     "mtry = ceiling(sqrt(p)), seed = 1, 2, ...)")),
  trees = unbox(TREES), min_node_size = unbox(NODE), min_leaf = unbox(LEAF),
  cohorts = Map(content_of, names(all), all)
)
names(content$cohorts) <- NULL
text <- toJSON(content, digits = NA, pretty = FALSE)
# one cohort or split a line, so that a change is a change of few lines
text <- gsub('(\\{"name":|\\{"test_rows":|"splits":)', "\n\\1", text, perl = TRUE)
writeLines(text, file.path("tests", "reference", "forest.json"))
