// SPDX-License-Identifier: GPL-2.0
/*
 * The words of a configuration. libconfuse reads files; it takes a file that ends within a section,
 * replaces variables of the environment, and counts lines with comments twice. So the text is put
 * before it in a form that leaves no choice, and what is said of an error stands on the positions
 * that are noted here.
 *
 *	words		letters, digits and . _ : / % @ -, or anything printable in double quotes
 *	comments	from # or // to the end of the line, or between slash-star and star-slash
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

#define DEEP 8		/* braces in braces */

struct state {
	struct scan *s;
	const char *p, *end;
	struct conf_pos at;
	size_t used;		/* of s->clean */
	bool list[DEEP];	/* the brace is that of a list */
	struct conf_pos open[DEEP];
	int deep;
	bool value;		/* "=" was the last */
	struct conf_pos begun;	/* of the statement: its first word */
};

static bool fail(struct state *t, struct conf_pos at, const char *error)
{
	t->s->error = error;
	t->s->at = at;
	return false;
}

static void next(struct state *t)
{
	if (*t->p++ == '\n') {
		t->at.line++;
		t->at.column = 1;
	} else {
		t->at.column++;
	}
}

/* Room for each octet of the text four times over, and for all positions, was made before. */
static void put(struct state *t, char c)
{
	t->s->clean[t->used++] = c;
}

static bool bare(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("._:/%@-", c));
}

static bool pair(const struct state *t, const char *two)
{
	return t->end - t->p >= 2 && !memcmp(t->p, two, 2);
}

static bool comment(struct state *t)
{
	struct conf_pos at = t->at;

	if (*t->p == '#' || pair(t, "//")) {
		while (t->p < t->end && *t->p != '\n')
			next(t);
		return true;
	}
	next(t);
	next(t);
	while (t->p < t->end && !pair(t, "*/")) {
		if (*t->p == '\n')
			put(t, '\n');
		next(t);
	}
	if (t->p == t->end)
		return fail(t, at, "this comment does not end");
	next(t);
	next(t);
	return true;
}

static bool quoted(struct state *t, char *to)
{
	struct conf_pos at = t->at;

	for (next(t); t->p < t->end && *t->p != '"' && *t->p != '\n'; next(t)) {
		if (*t->p == '\\') {
			next(t);
			if (t->p == t->end || (*t->p != '"' && *t->p != '\\'))
				return fail(t, at, "in quotes \\ stands before \" or \\ only");
		} else if ((unsigned char)*t->p < ' ' || *t->p == 0x7f) {
			return fail(t, t->at, "this character can't be in a word");
		}
		*to++ = *t->p;
	}
	if (t->p == t->end || *t->p != '"')
		return fail(t, at, "this word has no quote at its end");
	next(t);
	return true;
}

static bool word(struct state *t)
{
	struct scan *s = t->s;
	struct scan_word *w = &s->words[s->n_words];
	const char *end = memchr(t->p, '\n', t->end - t->p);
	char *to;

	w->at = t->at;
	w->text = calloc(1, (end ? end : t->end) - t->p + 1);
	if (!w->text)
		return fail(t, t->at, "out of memory");
	s->n_words++;
	if (*t->p == '"') {
		if (!quoted(t, w->text))
			return false;
	} else {
		for (to = w->text; t->p < t->end && bare(*t->p); next(t))
			*to++ = *t->p;
	}
	/* No more than it needs: there may be many. */
	to = realloc(w->text, strlen(w->text) + 1);
	if (to)
		w->text = to;
	put(t, '"');
	for (to = w->text; *to; to++) {
		if (*to == '"' || *to == '\\' || *to == '$')
			put(t, '\\');
		put(t, *to);
	}
	put(t, '"');
	put(t, ' ');
	if (t->value || (t->deep && t->list[t->deep - 1]))
		s->values[s->n_values++] = (struct scan_value){ w->at, !t->value };
	else if (!t->begun.line)
		t->begun = w->at;
	if (t->value)
		t->begun.line = 0;
	t->value = false;
	return true;
}

static bool brace(struct state *t)
{
	if (*t->p == '{') {
		if (t->deep == DEEP)
			return fail(t, t->at, "there are too many braces in each other");
		t->list[t->deep] = t->value;
		t->open[t->deep++] = t->begun.line ? t->begun : t->at;
	} else {
		if (!t->deep)
			return fail(t, t->at, "there is no opening brace for this one");
		t->deep--;
		if (!t->list[t->deep])
			t->s->sections[t->s->n_sections++] = t->open[t->deep];
	}
	t->begun.line = 0;
	t->value = false;
	return true;
}

static bool scan(struct state *t)
{
	while (t->p < t->end) {
		char c = *t->p;

		if (c == '#' || pair(t, "//") || pair(t, "/*")) {
			if (!comment(t))
				return false;
			continue;
		}
		if (c == '"' || bare(c)) {
			if (!word(t))
				return false;
			continue;
		}
		if (c == '{' || c == '}') {
			if (!brace(t))
				return false;
		} else if (c == '=') {
			t->value = true;
		} else if (c != ',' && c != ' ' && c != '\t' && c != '\n' && c != '\r') {
			return fail(t, t->at, "this character can be in a word in quotes only");
		}
		put(t, c == '\r' ? ' ' : c);
		next(t);
	}
	if (t->deep)
		return fail(t, t->open[t->deep - 1], "what begins here has no closing brace");
	return true;
}

/* scan_text() - find the words of @text; false: s->error tells why not, s->at where */
bool scan_text(struct scan *s, const char *text, size_t len)
{
	struct state t = { .s = s, .p = text, .end = text + len, .at = { 1, 1 } };

	*s = (struct scan){ };
	s->clean = calloc(4, len + 1);
	s->words = calloc(len + 1, sizeof(*s->words));
	s->values = calloc(len + 1, sizeof(*s->values));
	s->sections = calloc(len + 1, sizeof(*s->sections));
	if (!s->clean || !s->words || !s->values || !s->sections)
		return fail(&t, t.at, "out of memory");
	return scan(&t);
}

void scan_free(struct scan *s)
{
	for (size_t i = 0; i < s->n_words; i++)
		free(s->words[i].text);
	free(s->clean);
	free(s->words);
	free(s->values);
	free(s->sections);
	*s = (struct scan){ };
}
