/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a report is written on: one page of HTML, or plain text, to standard output from the top to the bottom. Both
 * show the same words and figures; texts may hold any bytes, and nothing in them can break out. One at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auditlog/timeline.h"
#include "common/log.h"
#include "common/str.h"

#define PAPER_COLUMNS 8
/* Characters of a cell; the rest becomes an ellipsis. */
#define PAPER_CELL 400
#define PAPER_CODE 160 /* of data */
#define PAPER_LINE 2048

enum paper_tone {
	PAPER_PLAIN,
	PAPER_GOOD,
	PAPER_WARN,
	PAPER_BAD,
};

enum paper_column_kind {
	COLUMN_TEXT,
	COLUMN_TIME, /* as records have it; a table that begins with it is a list of what happened */
	COLUMN_CODE,   /* data of records, of one width */
	COLUMN_NUMBER, /* figures, or a cell of a few digits */
	COLUMN_SHARE,  /* of a whole, with a bar */
	COLUMN_PROSE,  /* sentences: on a narrow page below each other */
};

struct paper_column {
	const char *name;
	enum paper_column_kind kind;
};

#define CHART_SERIES 3

struct chart {
	const char *id; /* a word, once in a page */
	const char *title;
	const struct timeline *line;
	size_t n;
	struct chart_series {
		const char *name;
		const char *style; /* allow, audit, deny, other */
		const uint64_t *count;
	} series[CHART_SERIES]; /* the first is the lowest */
};

struct paper {
	void (*begin)(struct str title);
	void (*end)(void);
	/* What there is: NULL-terminated pairs of id and title of the sections that follow. */
	void (*contents)(const char *const *sections);
	/* id: a word, once in a page. A section ends where the next begins. */
	void (*section)(const char *id, const char *title);
	void (*heading)(const char *title);
	void (*para)(enum paper_tone tone, struct str text);
	void (*verdict)(enum paper_tone tone, struct str word, struct str why);
	void (*figures)(void); /* then each figure, then figures_end */
	void (*figure)(const char *name, uint64_t n, enum paper_tone tone, struct str note);
	void (*figures_end)(void);
	void (*facts)(void);
	void (*fact)(const char *name, struct str value);
	void (*facts_end)(void);
	/* Cells follow, row by row. The columns stay the caller's until table_end. */
	void (*table)(const char *caption, const struct paper_column *columns, size_t n);
	void (*cell)(struct str text);
	void (*number)(uint64_t n);
	void (*share)(uint64_t part, uint64_t whole);
	void (*table_end)(void);
	void (*chart)(const struct chart *c);
};

extern const struct paper paper_html, paper_text;

/* Formatted, cut at PAPER_LINE bytes. */
void paper_say(const struct paper *p, enum paper_tone tone, const char *fmt, ...) PRINTF_LIKE(3, 4);
void paper_fact(const struct paper *p, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* How many characters of a text a column shows. */
size_t paper_most(enum paper_column_kind kind);

/* Counts of a bar, all series together; of the highest bar. */
uint64_t chart_sum(const struct chart *c, size_t bar);
uint64_t chart_most(const struct chart *c);

/* Of the HTML page, its style sheet in parts, then NULL (paper_style.c), and a chart as SVG (paper_chart.c). */
extern const char *const paper_style[];
void paper_chart_svg(const struct chart *c);
