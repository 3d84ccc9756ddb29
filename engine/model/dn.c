/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/dn.h"
#include "base/error.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

/*
 * What is accepted is RFC 4514, and of the older forms what AD accepts, too: blanks around ',' '+' and '=',
 * values in quotation marks, an "OID." in front of a dotted type, '<' and '>' that are not escaped. What AD
 * refuses is refused: an empty value, a ';' between RDNs.
 *
 * AD finds names without regard to accents and width as well, by tables of Windows that nobody else has.
 * Names are compared here by case only: a directory gives one object always the same spelling, so that the
 * difference can at worst make two spellings in a configuration file different.
 */

#define TEXT_MAX ((size_t)8192)
#define RDNS_MAX 64

static_assert((int)DN_E_BASE_ == (int)ERROR_BASE_DN, "the ranges of conditions are in error.h");

typedef struct Parser {
        Arena *arena;
        const char *text;
        size_t at;
        char *scratch; /* as long as the text */
        Diag *diag;
} Parser;

static int malformed(Parser *p, size_t at, const char *what)
{
        diag_set(p->diag, "%s at byte %zu", what, at);
        return DN_E_MALFORMED;
}

static void skip_blanks(Parser *p)
{
        while (p->text[p->at] == ' ')
                p->at++;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* "CN", "2.5.4.3", "OID.2.5.4.3" */
static bool is_type(const char *s, size_t n)
{
        bool dot = true; /* a digit must follow */

        if (n == 0)
                return false;
        if (is_letter(s[0])) {
                for (size_t i = 1; i < n; i++)
                        if (!is_letter(s[i]) && !is_digit(s[i]) && s[i] != '-')
                                return false;
                return true;
        }
        for (size_t i = 0; i < n; i++) {
                if (!is_digit(s[i]) && (s[i] != '.' || dot))
                        return false;
                dot = s[i] == '.';
        }
        return !dot;
}

static int parse_type(Parser *p, const char **ret_type)
{
        size_t start, n;
        const char *s;

        skip_blanks(p);
        start = p->at;
        s = p->text + start;
        n = strcspn(s, " =,+\"\\;#");
        if (n == 0)
                return malformed(p, start, "an attribute type is missing");
        p->at += n;
        skip_blanks(p);
        if (p->text[p->at] != '=') {
                diag_set(p->diag, "missing '=' after \"%.*s\" at byte %zu", (int)n, s, start + n);
                return DN_E_MALFORMED;
        }
        p->at++;

        if (n > 4 && (memcmp(s, "OID.", 4) == 0 || memcmp(s, "oid.", 4) == 0) && is_digit(s[4])) {
                s += 4;
                n -= 4;
        }
        if (!is_type(s, n)) {
                diag_set(p->diag, "\"%.*s\" is not an attribute type at byte %zu", (int)n, s, start);
                return DN_E_MALFORMED;
        }
        *ret_type = arena_strndup(p->arena, s, n);
        return 0;
}

static int parse_escape(Parser *p, char *ret_c)
{
        const char *s = p->text + p->at; /* at the backslash */
        int high, low;

        if (s[1] && strchr(" \"#+,;<=>\\", s[1])) {
                *ret_c = s[1];
                p->at += 2;
                return 0;
        }
        high = str_hex_digit(s[1]);
        low = high < 0 ? -1 : str_hex_digit(s[2]);
        if (low < 0)
                return malformed(p, p->at, "a backslash that escapes nothing");
        if (high == 0 && low == 0)
                return malformed(p, p->at, "a NUL in a value");
        *ret_c = (char)(high << 4 | low);
        p->at += 3;
        return 0;
}

static int parse_quoted(Parser *p, size_t *ret_n)
{
        size_t start = p->at++, n = 0;

        while (p->text[p->at] != '"') {
                if (!p->text[p->at])
                        return malformed(p, start, "a quotation mark that is not closed");
                if (p->text[p->at] == '\\') {
                        int r = parse_escape(p, &p->scratch[n++]);

                        if (r)
                                return r;
                } else {
                        p->scratch[n++] = p->text[p->at++];
                }
        }
        p->at++;
        *ret_n = n;
        return 0;
}

/* "#0c024869": the BER encoding of a text. Only the types of strings make sense in a name that is compared.
 */
static int parse_ber(Parser *p, size_t *ret_n)
{
        size_t start = p->at++, n = 0, head = 2, length;
        const uint8_t *ber = (const uint8_t *)p->scratch;

        for (;; p->at += 2) {
                int high = str_hex_digit(p->text[p->at]);
                int low = high < 0 ? -1 : str_hex_digit(p->text[p->at + 1]);

                if (low < 0)
                        break;
                p->scratch[n++] = (char)(high << 4 | low);
        }
        if (n < 2 || (ber[0] != 0x04 && ber[0] != 0x0c && ber[0] != 0x13 && ber[0] != 0x16))
                return malformed(p, start, "a hexadecimal value that is not a text in BER");
        length = ber[1];
        if (length == 0x81 && n > 2) {
                length = ber[2];
                head = 3;
        } else if (length == 0x82 && n > 3) {
                length = (size_t)ber[2] << 8 | ber[3];
                head = 4;
        } else if (length >= 0x80) {
                return malformed(p, start, "a hexadecimal value of wrong length");
        }
        if (length != n - head)
                return malformed(p, start, "a hexadecimal value of wrong length");
        memmove(p->scratch, p->scratch + head, length);
        if (memchr(p->scratch, 0, length))
                return malformed(p, start, "a NUL in a value");
        *ret_n = length;
        return 0;
}

static int parse_plain(Parser *p, size_t *ret_n)
{
        size_t n = 0, keep = 0;

        for (;;) {
                char c = p->text[p->at];

                if (c == '\0' || c == ',' || c == '+')
                        break;
                if (c == '"' || c == ';')
                        return malformed(p, p->at,
                                         c == ';' ? "a ';' that is not escaped"
                                                  : "a '\"' that is not escaped");
                if (c == '\\') {
                        int r = parse_escape(p, &p->scratch[n++]);

                        if (r)
                                return r;
                        keep = n;
                } else {
                        p->scratch[n++] = c;
                        p->at++;
                        if (c != ' ')
                                keep = n;
                }
        }
        *ret_n = keep;
        return 0;
}

static int parse_value(Parser *p, const char **ret_value)
{
        size_t start, n = 0;
        int r;

        skip_blanks(p);
        start = p->at;
        if (p->text[p->at] == '"')
                r = parse_quoted(p, &n);
        else if (p->text[p->at] == '#')
                r = parse_ber(p, &n);
        else
                r = parse_plain(p, &n);
        if (r)
                return r;
        skip_blanks(p);
        if (p->text[p->at] && p->text[p->at] != ',' && p->text[p->at] != '+')
                return malformed(p, p->at, "text behind the end of a value");
        if (n == 0)
                return malformed(p, start, "an empty value");
        if (!str_is_utf8(p->scratch, n))
                return malformed(p, start, "a value that is not UTF-8");
        *ret_value = arena_strndup(p->arena, p->scratch, n);
        return 0;
}

/* Type and value, parts of an RDN, RDNs of a DN. */
static const char *join(Arena *a, const char *const *parts, size_t n_parts, char separator)
{
        size_t n = 0;
        char *text, *end;

        for (size_t i = 0; i < n_parts; i++)
                n += strlen(parts[i]) + 1;
        text = end = arena_alloc(a, n + 1);
        for (size_t i = 0; i < n_parts; i++) {
                if (i)
                        *end++ = separator;
                end = mempcpy(end, parts[i], strlen(parts[i]));
        }
        *end = '\0';
        return text;
}

/* "CN=ada lovelace": one way to write each name, whatever it looked like. */
static const char *normalise(Parser *p, const char *type, const char *value)
{
        const char *folded = str_fold(p->arena, value), *parts[2];
        size_t n = 0;

        /* Blanks at the ends mean nothing, and a run of them is one (RFC 4518, 2.6.1). */
        for (const char *s = folded; *s; s++)
                if (*s != ' ' || (n > 0 && p->scratch[n - 1] != ' '))
                        p->scratch[n++] = *s;
        if (n > 0 && p->scratch[n - 1] == ' ')
                n--;
        if (n == 0)
                p->scratch[n++] = ' '; /* a value of blanks only is one blank */
        p->scratch[n] = '\0';
        parts[0] = str_upper(p->arena, type);
        parts[1] = dn_escape(p->arena, p->scratch);
        return join(p->arena, parts, 2, '=');
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int parse_rdn(Parser *p, Rdn *ret)
{
        const char *parts[RDNS_MAX];
        size_t n_parts = 0;

        for (;;) {
                const char *type, *value;
                int r;

                r = parse_type(p, &type);
                if (r)
                        return r;
                r = parse_value(p, &value);
                if (r)
                        return r;
                if (n_parts == N_ELEMENTS(parts))
                        return malformed(p, p->at, "more than 64 values in an RDN");
                if (n_parts == 0) {
                        ret->type = type;
                        ret->value = value;
                }
                parts[n_parts++] = normalise(p, type, value);
                if (p->text[p->at] != '+')
                        break;
                p->at++;
        }
        if (n_parts > 1)
                qsort(parts, n_parts, sizeof(*parts), compare_texts);
        ret->normalised = n_parts == 1 ? parts[0] : join(p->arena, parts, n_parts, '+');
        return 0;
}

/**
 * dn_parse() - a DN from its text
 *
 * Everything is copied into the arena. An empty text is the root DSE.
 *
 * Return: 0; DN_E_MALFORMED: the diag says what is wrong and at which byte.
 */
int dn_parse(Arena *a, const char *text, const Dn **ret_dn, Diag *diag)
{
        size_t n = strnlen(text, TEXT_MAX + 1);
        Parser p = { .arena = a, .text = text, .diag = diag };
        const char *parts[RDNS_MAX];
        Rdn rdns[RDNS_MAX];
        size_t n_rdns = 0;
        Dn *dn;

        if (n > TEXT_MAX)
                return malformed(&p, TEXT_MAX, "longer than 8 kB");
        /* Folding may make a text longer: at most 3 bytes for 1 (U+0390 and its like). */
        p.scratch = arena_alloc(a, 3 * n + 2);

        skip_blanks(&p);
        while (text[p.at] || n_rdns > 0) {
                int r;

                if (n_rdns == RDNS_MAX)
                        return malformed(&p, p.at, "more than 64 RDNs");
                r = parse_rdn(&p, &rdns[n_rdns]);
                if (r)
                        return r;
                parts[n_rdns] = rdns[n_rdns].normalised;
                n_rdns++;
                if (!text[p.at])
                        break;
                p.at++; /* the comma */
        }

        dn = arena_new_of(a, Dn);
        dn->text = arena_strndup(a, text, n);
        dn->rdns = n_rdns ? arena_memdup(a, rdns, n_rdns * sizeof(*rdns)) : NULL;
        dn->n_rdns = n_rdns;
        dn->normalised = join(a, parts, n_rdns, ',');
        *ret_dn = dn;
        return 0;
}

bool dn_is(const Dn *a, const Dn *b)
{
        return strcmp(a->normalised, b->normalised) == 0;
}

/**
 * dn_is_below() - whether `dn` is `ancestor` or somewhere below it
 */
bool dn_is_below(const Dn *dn, const Dn *ancestor)
{
        size_t skip;

        if (dn->n_rdns < ancestor->n_rdns)
                return false;
        /* RDN by RDN: in the text, a value could end like another's RDN begins. */
        skip = dn->n_rdns - ancestor->n_rdns;
        for (size_t i = 0; i < ancestor->n_rdns; i++)
                if (strcmp(dn->rdns[skip + i].normalised, ancestor->rdns[i].normalised) != 0)
                        return false;
        return true;
}

/**
 * dn_depth_below() - how many levels `dn` is below `ancestor`
 *
 * Return: 0 for the ancestor itself, 1 for its children; 0 if it is not below it.
 */
size_t dn_depth_below(const Dn *dn, const Dn *ancestor)
{
        return dn_is_below(dn, ancestor) ? dn->n_rdns - ancestor->n_rdns : 0;
}

const char *dn_parent_text(Arena *a, const Dn *dn)
{
        const char *s = dn->text;
        bool quoted = false;

        for (; *s && (*s != ',' || quoted); s++) {
                if (*s == '"')
                        quoted = !quoted;
                else if (*s == '\\' && s[1])
                        s++;
        }
        if (*s)
                s++;
        while (*s == ' ')
                s++;
        return arena_strdup(a, s);
}

/**
 * dn_shorten() - a DN, or any text, for a narrow place
 *
 * Return: the text in at most `columns` columns of a terminal; "..." stands for what was cut.
 */
const char *dn_shorten(Arena *a, const char *text, size_t columns)
{
        size_t n = str_columns(text), head, tail;
        const char *end;

        if (n <= columns)
                return arena_strdup(a, text);
        if (columns <= 3)
                return arena_strndup(a, "...", columns);
        /* A DN ends like all others of its domain, so its end goes; of another text the middle. */
        tail = strcasestr(text, ",DC=") ? 0 : (columns - 3) / 2;
        head = columns - 3 - tail;
        end = str_at_column(text, n - tail);
        if (str_columns(end) > tail)
                end = str_at(end, 1); /* half a wide letter is none */
        return arena_printf(a, "%.*s...%s", (int)(str_at_column(text, head) - text), text, end);
}

/**
 * dn_escape() - a value as it is written inside a DN
 *
 * Control characters are written as \XX, as AD does it for the line feed in the names of conflict objects.
 */
const char *dn_escape(Arena *a, const char *value)
{
        static const char digits[] = "0123456789ABCDEF";
        size_t n = strlen(value);
        char *text = arena_alloc(a, 3 * n + 1), *end = text;

        for (size_t i = 0; i < n; i++) {
                uint8_t c = (uint8_t)value[i];

                if (c < 0x20 || c == 0x7f) {
                        *end++ = '\\';
                        *end++ = digits[c >> 4];
                        *end++ = digits[c & 15];
                        continue;
                }
                if (strchr(",+\"\\<>;", c) || (c == '#' && i == 0) || (c == ' ' && (i == 0 || i == n - 1)))
                        *end++ = '\\';
                *end++ = (char)c;
        }
        *end = '\0';
        return text;
}
