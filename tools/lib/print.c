// SPDX-License-Identifier: GPL-2.0
/*
 * One call makes text and JSON. What is written is kept until all of it is there: JSON as an
 * array of objects (json-c), text as a table (libsmartcols) or as blocks of "key value". Of the
 * objects only the last one is kept as such: there may be 100,000.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>

#include "tool.h"

#define WIDTH 80

bool json, pretty;

static struct json_object *object;	/* NULL: none yet */
static struct libscols_table *table;	/* NULL: no table */
static FILE *stream;
static char *written;
static size_t size;

static void *must(void *p)
{
	if (p)
		return p;
	refuse("out of memory");
	exit(REFUSED);
}

void out_begin(bool as_table)
{
	stream = must(open_memstream(&written, &size));
	if (json)
		fputc('[', stream);
	else if (as_table) {
		table = must(scols_new_table());
		scols_table_set_column_separator(table, "  ");
	}
}

static void write_json(void)
{
	int how = JSON_C_TO_STRING_NOSLASHESCAPE |
		  (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : 0);

	if (ftell(stream) > 1)
		fputs(pretty ? ", " : ",", stream);
	fputs(must((void *)json_object_to_json_string_ext(object, how)), stream);
}

/* Each object has the same keys. */
static void write_line(void)
{
	struct libscols_line *line = must(scols_table_new_line(table, NULL));
	size_t n = 0;

	json_object_object_foreach(object, key, value) {
		if (n == scols_table_get_ncols(table))
			must(scols_table_new_column(table, key, 0,
						    json_object_is_type(value, json_type_string) ?
						    0 : SCOLS_FL_RIGHT));
		if (scols_line_set_data(line, n++, json_object_get_string(value)))
			must(NULL);
	}
}

static void write_block(void)
{
	int column = 0;

	json_object_object_foreach(object, key, value) {
		const char *text = json_object_get_string(value);
		int n = strlen(key) + strlen(text) + 1;

		if (!column) {
			fprintf(stream, "%s:", text);
			column = WIDTH;
			continue;
		}
		if (column + 2 + n > WIDTH) {
			fputs("\n   ", stream);
			column = 3;
		}
		column += fprintf(stream, " %s %s ", key, text);
	}
	fputc('\n', stream);
}

static void finish(void)
{
	if (!object)
		return;
	if (json)
		write_json();
	else if (table)
		write_line();
	else
		write_block();
	json_object_put(object);
	object = NULL;
}

void out_object(void)
{
	finish();
	object = must(json_object_new_object());
}

static void add(const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, must(value)))
		must(NULL);
}

void out_string(const char *key, const char *format, ...)
{
	char *value = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&value, format, ap) < 0)
		value = NULL;
	va_end(ap);
	add(key, json_object_new_string(must(value)));
	free(value);
}

void out_number(const char *key, uint64_t value)
{
	add(key, json_object_new_uint64(value));
}

/* A number in just these digits */
void out_decimal(const char *key, const char *digits)
{
	add(key, json_object_new_double_s(0, digits));
}

void out_seconds(const char *key, uint64_t ns)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%llu.%06llu", (unsigned long long)(ns / 1000000000),
		 (unsigned long long)(ns / 1000 % 1000000));
	out_decimal(key, digits);
}

/* Where others have a number there is none. The text has a word, in their column as they are. */
void out_word(const char *key, const char *word)
{
	if (!json)
		out_decimal(key, word);
}

/* In text "on" and "off" */
void out_bool(const char *key, bool value)
{
	if (json)
		add(key, json_object_new_boolean(value));
	else
		out_word(key, value ? "on" : "off");
}

/* In text with commas between them */
void out_strings(const char *key, char **values, int n)
{
	struct json_object *array;
	char *all = NULL;
	size_t len;
	FILE *f;

	if (json) {
		array = must(json_object_new_array());
		for (int i = 0; i < n; i++)
			if (json_object_array_add(array, must(json_object_new_string(values[i]))))
				must(NULL);
		add(key, array);
		return;
	}
	f = must(open_memstream(&all, &len));
	for (int i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? "," : "", values[i]);
	fclose(f);
	add(key, json_object_new_string(must(all)));
	free(all);
}

void out_end(void)
{
	finish();
	if (json)
		fputs("]\n", stream);
	if (fclose(stream))
		must(NULL);
	if (table) {
		scols_print_table(table);
		scols_unref_table(table);
		table = NULL;
	}
	fputs(written, stdout);
	free(written);
	fflush(stdout);
}
