/* SPDX-License-Identifier: MIT
 *
 * The static table and the dynamic one (hpack.h). The texts of an encoder's entries lie side by side, the oldest first;
 * where the end of their memory is too near, they move to its beginning. There is room then, because an entry counts more
 * than its texts: that also makes the moves rare, but where entries are so long that coding them costs more.
 */
#include "hpack.h"

#include <string.h>

#define STATIC_FACTOR 0x438a5a01u

static const fc_hpack_static statics[FC_HPACK_STATICS + 1] = {
    {"", "", 0, 0},
    {":authority", "", 10, 0},
    {":method", "GET", 7, 3},
    {":method", "POST", 7, 4},
    {":path", "/", 5, 1},
    {":path", "/index.html", 5, 11},
    {":scheme", "http", 7, 4},
    {":scheme", "https", 7, 5},
    {":status", "200", 7, 3},
    {":status", "204", 7, 3},
    {":status", "206", 7, 3},
    {":status", "304", 7, 3},
    {":status", "400", 7, 3},
    {":status", "404", 7, 3},
    {":status", "500", 7, 3},
    {"accept-charset", "", 14, 0},
    {"accept-encoding", "gzip, deflate", 15, 13},
    {"accept-language", "", 15, 0},
    {"accept-ranges", "", 13, 0},
    {"accept", "", 6, 0},
    {"access-control-allow-origin", "", 27, 0},
    {"age", "", 3, 0},
    {"allow", "", 5, 0},
    {"authorization", "", 13, 0},
    {"cache-control", "", 13, 0},
    {"content-disposition", "", 19, 0},
    {"content-encoding", "", 16, 0},
    {"content-language", "", 16, 0},
    {"content-length", "", 14, 0},
    {"content-location", "", 16, 0},
    {"content-range", "", 13, 0},
    {"content-type", "", 12, 0},
    {"cookie", "", 6, 0},
    {"date", "", 4, 0},
    {"etag", "", 4, 0},
    {"expect", "", 6, 0},
    {"expires", "", 7, 0},
    {"from", "", 4, 0},
    {"host", "", 4, 0},
    {"if-match", "", 8, 0},
    {"if-modified-since", "", 17, 0},
    {"if-none-match", "", 13, 0},
    {"if-range", "", 8, 0},
    {"if-unmodified-since", "", 19, 0},
    {"last-modified", "", 13, 0},
    {"link", "", 4, 0},
    {"location", "", 8, 0},
    {"max-forwards", "", 12, 0},
    {"proxy-authenticate", "", 18, 0},
    {"proxy-authorization", "", 19, 0},
    {"range", "", 5, 0},
    {"referer", "", 7, 0},
    {"refresh", "", 7, 0},
    {"retry-after", "", 11, 0},
    {"server", "", 6, 0},
    {"set-cookie", "", 10, 0},
    {"strict-transport-security", "", 25, 0},
    {"transfer-encoding", "", 17, 0},
    {"user-agent", "", 10, 0},
    {"vary", "", 4, 0},
    {"via", "", 3, 0},
    {"www-authenticate", "", 16, 0},
};

/* By the hash of a name: its first entry. */
static const uint8_t slots[128] = {
    26, 0,  0,  0, 47, 0,  28, 41, 0,  0,  59, 0,  0, 58, 0,  48, 0,  0,  0,  37, 0,  35, 49, 0,  0, 0,
    0,  0,  51, 0, 6,  0,  0,  0,  0,  0,  0,  31, 0, 4,  24, 0,  36, 56, 0,  0,  57, 17, 0,  0,  2, 0,
    29, 15, 0,  0, 0,  44, 0,  18, 16, 54, 33, 0,  0, 53, 0,  42, 0,  34, 0,  25, 0,  0,  55, 0,  0, 0,
    8,  0,  0,  0, 32, 1,  0,  60, 0,  19, 0,  21, 0, 0,  0,  0,  52, 39, 0,  0,  0,  0,  40, 43, 0, 0,
    0,  0,  0,  0, 61, 30, 0,  23, 0,  0,  50, 27, 0, 0,  38, 0,  0,  22, 45, 20, 0,  0,  0,  46,
};

const fc_hpack_static *fc_hpack_static_entry(unsigned index) {
  return &statics[index];
}

/* A perfect hash of the names, as in names.c; test_hpack finds every name again. */
unsigned fc_hpack_static_index(const char *name, size_t len) {
  if (len == 0 || len > sizeof statics[0].name) return 0;
  const unsigned char *p = (const unsigned char *)name;
  uint32_t key = p[0] | (uint32_t)p[len - 1] << 8 | (uint32_t)p[len * 3 / 4] << 16 | (uint32_t)len << 24;
  unsigned index = slots[(uint32_t)(key * STATIC_FACTOR) >> 25];
  return statics[index].name_len == len && memcmp(statics[index].name, name, len) == 0 ? index : 0;
}

uint32_t fc_hpack_entries(uint32_t capacity) {
  uint32_t entries = 1;
  while (entries * FC_HPACK_OVERHEAD < capacity) entries *= 2;
  return entries;
}

void fc_hpack_table_init(fc_hpack_table *table, uint32_t most, int has_text) {
  memset(table, 0, sizeof *table);
  table->most = most;
  table->max_size = FC_HPACK_DEFAULT;
  table->has_text = (uint8_t)has_text;
}

static fc_hpack_entry *oldest_entry(const fc_hpack_table *table) {
  return &table->entries[(table->inserted - table->count + 1) & table->entry_mask];
}

static void evict_to(fc_hpack_table *table, size_t size) {
  while (table->size > size) {
    const fc_hpack_entry *oldest = oldest_entry(table);
    table->size -= (uint32_t)(oldest->name_len + oldest->value_len + FC_HPACK_OVERHEAD);
    table->count--;
  }
}

void fc_hpack_table_resize(fc_hpack_table *table, uint32_t max_size) {
  table->max_size = max_size < table->most ? max_size : table->most;
  evict_to(table, table->max_size);
}

int fc_hpack_table_fits(fc_hpack_table *table, size_t name_len, size_t value_len) {
  size_t size = table->size + name_len + value_len + FC_HPACK_OVERHEAD;
  if (size <= table->capacity || table->max_size <= table->capacity) return 1;
  if (size - table->size > table->max_size) return 1; /* it is not kept */
  if (size > table->max_size) size = table->max_size; /* the rest is evicted */
  if (size <= table->capacity) return 1;
  uint32_t wanted = FC_HPACK_SMALLEST;
  while (wanted < size) wanted *= 2;
  table->wanted = wanted < table->most ? wanted : table->most;
  return 0;
}

size_t fc_hpack_table_bytes(const fc_hpack_table *table) {
  return fc_hpack_entries(table->wanted) * sizeof(fc_hpack_entry) +
         (table->has_text ? table->wanted - FC_HPACK_OVERHEAD : 0);
}

/* Moves the live text to the beginning of `text`, which may be where it is. */
static void gather(fc_hpack_table *table, char *text) {
  uint32_t start = table->count ? oldest_entry(table)->start : table->head;
  if (table->head > start) memmove(text, table->text + start, table->head - start);
  for (uint32_t i = 0; i < table->count; i++) {
    fc_hpack_entry *entry = &table->entries[(table->inserted - i) & table->entry_mask];
    entry->start = (uint16_t)(entry->start - start);
  }
  table->head -= start;
  table->text = text;
}

void fc_hpack_table_grow(fc_hpack_table *table, void *memory) {
  fc_hpack_entry *entries = (fc_hpack_entry *)memory;
  uint32_t room = fc_hpack_entries(table->wanted);
  if (table->has_text) gather(table, (char *)(entries + room));
  for (uint32_t i = 0; i < table->count; i++) {
    uint64_t number = table->inserted - i;
    entries[number & (room - 1)] = table->entries[number & table->entry_mask];
  }
  table->entries = entries;
  table->entry_mask = room - 1;
  table->capacity = table->wanted;
}

static void keep_text(fc_hpack_table *table, const char *name, size_t name_len, const char *value, size_t value_len) {
  if (table->count == 0) table->head = 0;
  if (table->capacity - FC_HPACK_OVERHEAD - table->head < name_len + value_len) gather(table, table->text);
  char *text = table->text + table->head;
  if (name_len) memcpy(text, name, name_len);
  if (value_len) memcpy(text + name_len, value, value_len);
}

uint64_t fc_hpack_table_insert(fc_hpack_table *table, const char *name, size_t name_len, const char *value,
                               size_t value_len, uint8_t known) {
  if (name_len > table->max_size || value_len > table->max_size ||
      name_len + value_len + FC_HPACK_OVERHEAD > table->max_size) {
    evict_to(table, 0);
    return 0;
  }
  uint32_t need = (uint32_t)(name_len + value_len);
  evict_to(table, table->max_size - need - FC_HPACK_OVERHEAD);
  if (table->has_text) keep_text(table, name, name_len, value, value_len);
  table->inserted++;
  fc_hpack_entry *entry = &table->entries[table->inserted & table->entry_mask];
  entry->start = (uint16_t)table->head; /* at most FC_HPACK_TABLE_MAX - FC_HPACK_OVERHEAD */
  entry->name_len = (uint16_t)name_len;
  entry->value_len = (uint16_t)value_len;
  entry->known = known;
  if (table->has_text) table->head += need;
  table->size += need + FC_HPACK_OVERHEAD;
  table->count++;
  return table->inserted;
}

const fc_hpack_entry *fc_hpack_table_entry(const fc_hpack_table *table, uint64_t number) {
  return table->inserted - number < table->count ? &table->entries[number & table->entry_mask] : NULL;
}
