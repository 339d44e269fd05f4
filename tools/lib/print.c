// SPDX-License-Identifier: GPL-2.0
/*
 * One call makes text and JSON. Objects are collected and written at the end:
 * JSON as an array of objects, text as a table or as blocks of "key value".
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define WIDTH 80

enum kind { STRING, NUMBER, LIST };

struct field {
	const char *key;
	char *value;		/* LIST: the strings, each ended by a newline */
	enum kind kind;
	bool first;		/* of its object */
};

bool json, pretty;

static struct field *fields;
static size_t n_fields;
static bool table, first;

static void *must(void *p)
{
	if (p)
		return p;
	fputs("xfrm-ha: out of memory\n", stderr);
	exit(REFUSED);
}

void out_begin(bool as_table)
{
	table = as_table;
	n_fields = 0;
}

void out_object(void)
{
	first = true;
}

static void add(const char *key, char *value, enum kind kind)
{
	if (!(n_fields & (n_fields + 1)) || !fields)
		fields = must(realloc(fields, sizeof(*fields) * 2 * (n_fields + 1)));
	fields[n_fields++] = (struct field){ key, must(value), kind, first };
	first = false;
}

void out_string(const char *key, const char *format, ...)
{
	char *value = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&value, format, ap) < 0)
		value = NULL;
	va_end(ap);
	add(key, value, STRING);
}

void out_number(const char *key, uint64_t value)
{
	char *s = NULL;

	if (asprintf(&s, "%llu", (unsigned long long)value) < 0)
		s = NULL;
	add(key, s, NUMBER);
}

/* A word where others have a number: it stands in their column as they do. */
void out_word(const char *key, const char *word)
{
	char *s = NULL;

	if (asprintf(&s, json ? "\"%s\"" : "%s", word) < 0)
		s = NULL;
	add(key, s, NUMBER);
}

/* In text "on" and "off" */
void out_bool(const char *key, bool value)
{
	add(key, strdup(json ? (value ? "true" : "false") : (value ? "on" : "off")), NUMBER);
}

void out_strings(const char *key, char **values, int n)
{
	char *s = must(strdup(""));

	for (int i = 0; i < n; i++) {
		char *longer = NULL;

		if (asprintf(&longer, "%s%s\n", s, values[i]) < 0)
			longer = NULL;
		free(s);
		s = must(longer);
	}
	add(key, s, LIST);
}

static void quote(const char *s, size_t n)
{
	putchar('"');
	for (; n && *s; s++, n--) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ')
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void json_value(const struct field *f)
{
	const char *s = f->value;

	if (f->kind == STRING) {
		quote(s, strlen(s));
	} else if (f->kind == NUMBER) {
		fputs(s, stdout);
	} else {
		putchar('[');
		for (const char *end; (end = strchr(s, '\n')); s = end + 1) {
			if (s != f->value)
				putchar(',');
			quote(s, end - s);
		}
		putchar(']');
	}
}

static void write_json(void)
{
	putchar('[');
	for (size_t i = 0; i < n_fields; i++) {
		if (fields[i].first)
			fputs(i ? (pretty ? "\n}, {" : "},{") : "{", stdout);
		else
			putchar(',');
		if (pretty)
			fputs("\n    ", stdout);
		quote(fields[i].key, strlen(fields[i].key));
		fputs(pretty ? ": " : ":", stdout);
		json_value(&fields[i]);
	}
	if (n_fields)
		fputs(pretty ? "\n}" : "}", stdout);
	puts("]");
}

/* Each object has the same keys. */
static void write_table(void)
{
	size_t columns = 1, i;
	int *width;

	if (!n_fields)
		return;
	while (columns < n_fields && !fields[columns].first)
		columns++;
	width = must(calloc(columns, sizeof(*width)));
	for (i = 0; i < columns; i++)
		width[i] = strlen(fields[i].key);
	for (i = 0; i < n_fields; i++) {
		int n = strlen(fields[i].value);

		if (n > width[i % columns])
			width[i % columns] = n;
	}
	/* Numbers to the right, but for the last column, which needs no padding. */
	for (i = 0; i < columns; i++)
		printf("%*s%s", fields[i].kind == NUMBER ? width[i] : -width[i], fields[i].key,
		       i + 1 < columns ? "  " : "\n");
	for (i = 0; i < n_fields; i++)
		printf("%*s%s", fields[i].kind == NUMBER ? width[i % columns] :
		       (i + 1) % columns ? -width[i % columns] : 0, fields[i].value,
		       (i + 1) % columns ? "  " : "\n");
	free(width);
}

static void write_blocks(void)
{
	int column = 0;

	for (size_t i = 0; i < n_fields; i++) {
		const struct field *f = &fields[i];
		int n = strlen(f->key) + strlen(f->value) + 1;

		for (char *p = f->value; f->kind == LIST && (p = strchr(p, '\n')); p++)
			*p = p[1] ? ',' : '\0';
		if (f->first) {
			printf("%s%s:", i ? "\n" : "", f->value);
			column = WIDTH;
			continue;
		}
		if (column + 2 + n > WIDTH) {
			fputs("\n   ", stdout);
			column = 3;
		}
		column += printf(" %s %s ", f->key, f->value);
	}
	if (n_fields)
		putchar('\n');
}

void out_end(void)
{
	if (json)
		write_json();
	else if (table)
		write_table();
	else
		write_blocks();
	fflush(stdout);
	for (size_t i = 0; i < n_fields; i++)
		free(fields[i].value);
	free(fields);
	fields = NULL;
	n_fields = 0;
}
