/* SPDX-License-Identifier: MIT
 *
 * Encoding of fields (hpack.h; RFC 7541 sections 5 and 6). A field is remembered by a hash when it comes first, and gets
 * into the table when it comes again: what is said once would only push out what is said often.
 */
#include "hpack.h"

#include <string.h>

#include "chars.h"
#include "huffman.h"

#define INDEXED       0x80 /* first bytes of the representations, and their prefixes in bits */
#define INDEXED_BITS  7
#define INSERTED      0x40
#define INSERTED_BITS 6
#define PLAIN         0x00
#define NEVER         0x10
#define LITERAL_BITS  4
#define UPDATE        0x20
#define UPDATE_BITS   5
#define CODED         0x80
#define STRING_BITS   7

enum { STATIC_AUTHORIZATION = 23, STATIC_COOKIE = 32, STATIC_PROXY_AUTHORIZATION = 49, STATIC_SET_COOKIE = 55 };

/* Writes an integer (section 5.1) below 2^32. */
static unsigned char *integer_write(unsigned char *out, uint64_t number, int bits, unsigned first) {
  uint64_t most = (1u << bits) - 1;
  if (number < most) {
    *out++ = (unsigned char)(first | number);
    return out;
  }
  *out++ = (unsigned char)(first | most);
  for (number -= most; number >= 0x80; number >>= 7) *out++ = (unsigned char)(0x80 | (number & 0x7f));
  *out++ = (unsigned char)number;
  return out;
}

static unsigned char *string_write(const fc_hpack_encoder *encoder, unsigned char *out, const char *text, size_t len) {
  size_t coded = encoder->huffman ? fc_huffman_size(text, len) : len;
  if (coded < len) {
    out = integer_write(out, coded, STRING_BITS, CODED);
    return out + fc_huffman_encode((char *)out, text, len);
  }
  out = integer_write(out, len, STRING_BITS, 0);
  if (len) memcpy(out, text, len);
  return out + len;
}

/* Any hash will do: what it finds is compared. */
static uint32_t hash_of(const char *text, size_t len, uint64_t seed) {
  uint64_t hash = seed ^ len;
  size_t i = 0;
  for (; i + 8 <= len; i += 8) hash = ((hash ^ fc_load8(text + i)) * 0x9e3779b97f4a7c15u) ^ hash >> 29;
  for (; i < len; i++) hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
  hash *= 0x9e3779b97f4a7c15u;
  return (uint32_t)(hash >> 32);
}

/* The entry whose number has these low bits, and its number; NULL when it has been evicted. */
static const fc_hpack_entry *entry_at(const fc_hpack_table *table, uint16_t low, uint64_t *number) {
  *number = table->inserted - (uint16_t)(table->inserted - low);
  return low ? fc_hpack_table_entry(table, *number) : NULL;
}

static int is_text(const fc_hpack_table *table, uint32_t start, uint32_t entry_len, const char *text, size_t len) {
  return entry_len == len && memcmp(table->text + start, text, len) == 0;
}

/* The index on the wire of an entry of the dynamic table (section 2.3.3). */
static uint64_t dynamic_index(const fc_hpack_table *table, uint64_t number) {
  return FC_HPACK_STATICS + 1 + table->inserted - number;
}

static uint64_t find_field(const fc_hpack_encoder *encoder, uint32_t hash, const char *name, size_t name_len,
                           const char *value, size_t value_len) {
  const fc_hpack_table *table = &encoder->table;
  uint64_t number;
  const fc_hpack_entry *entry = entry_at(table, encoder->fields[hash % FC_HPACK_SLOTS], &number);
  if (!entry || !is_text(table, entry->start, entry->name_len, name, name_len)) return 0;
  if (!is_text(table, entry->start + entry->name_len, entry->value_len, value, value_len)) return 0;
  return dynamic_index(table, number);
}

static uint64_t find_name(const fc_hpack_encoder *encoder, uint32_t hash, const char *name, size_t name_len) {
  const fc_hpack_table *table = &encoder->table;
  uint64_t number;
  const fc_hpack_entry *entry = entry_at(table, encoder->names[hash % FC_HPACK_NAME_SLOTS], &number);
  return entry && is_text(table, entry->start, entry->name_len, name, name_len) ? dynamic_index(table, number) : 0;
}

/* The entry of the static table that is the whole field, from the first with its name on; 0 = none. */
static unsigned static_field(unsigned index, const char *value, size_t value_len) {
  uint8_t name_len = fc_hpack_static_entry(index)->name_len;
  const char *name = fc_hpack_static_entry(index)->name;
  for (; index <= FC_HPACK_STATICS; index++) {
    const fc_hpack_static *entry = fc_hpack_static_entry(index);
    if (entry->name_len != name_len || memcmp(entry->name, name, name_len) != 0) return 0;
    /* an empty value stands for none: as a field it is worth an index only if it is empty */
    if (entry->value_len == value_len && memcmp(entry->value, value, value_len) == 0) return index;
  }
  return 0;
}

/* Credentials (section 7.1.3): an intermediary must not put them into a table that it shares among its clients. */
static int is_secret(uint64_t index) {
  return index == STATIC_AUTHORIZATION || index == STATIC_COOKIE || index == STATIC_PROXY_AUTHORIZATION ||
         index == STATIC_SET_COOKIE;
}

/* Whether a field that is to be indexed if it repeats does so; from then on it is. */
static int repeats(fc_hpack_encoder *encoder, uint32_t hash, size_t size) {
  uint16_t *slot = &encoder->remembered[hash % FC_HPACK_REMEMBERED];
  uint16_t mark = (uint16_t)(hash >> 16 | 1); /* 0 = none */
  if (size + FC_HPACK_OVERHEAD > encoder->table.max_size / 2) return 0;
  if (*slot == mark) return 1;
  *slot = mark;
  return 0;
}

static void insert(fc_hpack_encoder *encoder, uint32_t name_hash, uint32_t hash, const char *name, size_t name_len,
                   const char *value, size_t value_len) {
  uint64_t number = fc_hpack_table_insert(&encoder->table, name, name_len, value, value_len, 0);
  if (!number) return;
  encoder->fields[hash % FC_HPACK_SLOTS] = (uint16_t)number;
  encoder->names[name_hash % FC_HPACK_NAME_SLOTS] = (uint16_t)number;
}

size_t fc_hpack_encode_field(fc_hpack_encoder *encoder, char *dst, const char *name, size_t name_len, const char *value,
                             size_t value_len, enum fc_hpack_mode mode) {
  unsigned char *out = (unsigned char *)dst;
  uint64_t index = fc_hpack_static_index(name, name_len);
  if (mode == FC_HPACK_IF_REPEATED && is_secret(index)) mode = FC_HPACK_NEVER;
  uint64_t whole = index ? static_field((unsigned)index, value, value_len) : 0;
  uint32_t name_hash = 0;
  uint32_t hash = 0;
  if (!whole || mode == FC_HPACK_NEVER) {
    name_hash = hash_of(name, name_len, 0);
    hash = hash_of(value, value_len, name_hash);
    whole = mode == FC_HPACK_NEVER ? 0 : find_field(encoder, hash, name, name_len, value, value_len);
  }
  if (whole) return (size_t)(integer_write(out, whole, INDEXED_BITS, INDEXED) - (unsigned char *)dst);
  if (!index) index = find_name(encoder, name_hash, name, name_len);
  int indexed =
      mode == FC_HPACK_INDEX || (mode == FC_HPACK_IF_REPEATED && repeats(encoder, hash, name_len + value_len));
  if (indexed && !fc_hpack_table_fits(&encoder->table, name_len, value_len)) return 0;
  if (indexed) {
    out = integer_write(out, index, INSERTED_BITS, INSERTED);
  } else {
    out = integer_write(out, index, LITERAL_BITS, mode == FC_HPACK_NEVER ? NEVER : PLAIN);
  }
  if (!index) out = string_write(encoder, out, name, name_len);
  out = string_write(encoder, out, value, value_len);
  if (indexed) insert(encoder, name_hash, hash, name, name_len, value, value_len);
  return (size_t)(out - (unsigned char *)dst);
}

void fc_hpack_encoder_init(fc_hpack_encoder *encoder, uint32_t most) {
  memset(encoder, 0, sizeof *encoder);
  fc_hpack_table_init(&encoder->table, most, 1);
  encoder->huffman = 1;
}

void fc_hpack_encoder_limit(fc_hpack_encoder *encoder, uint32_t limit) {
  if (limit > encoder->table.most) limit = encoder->table.most;
  if (limit == encoder->table.max_size) return;
  if (!encoder->update_due || limit < encoder->smallest) encoder->smallest = limit;
  encoder->update_due = 1;
  fc_hpack_table_resize(&encoder->table, limit);
}

size_t fc_hpack_encode_start(fc_hpack_encoder *encoder, char *dst) {
  unsigned char *out = (unsigned char *)dst;
  if (!encoder->update_due) return 0;
  encoder->update_due = 0;
  /* the smallest size first, so that the other side evicts the same (section 4.2) */
  if (encoder->smallest < encoder->table.max_size) out = integer_write(out, encoder->smallest, UPDATE_BITS, UPDATE);
  out = integer_write(out, encoder->table.max_size, UPDATE_BITS, UPDATE);
  return (size_t)(out - (unsigned char *)dst);
}
