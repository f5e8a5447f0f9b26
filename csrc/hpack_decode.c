/* SPDX-License-Identifier: MIT
 *
 * Decoding of blocks (hpack.h; RFC 7541 sections 3.2, 5 and 6). A literal's texts are those of the block where they are
 * not Huffman-coded; nothing is copied.
 */
#include "hpack.h"

#include <string.h>

#include "huffman.h"
#include "names.h"

#define INTEGER_MAX   0x7fffffffu
#define INTEGER_BYTES 5 /* behind the prefix: enough for INTEGER_MAX, and an end to leading zeros */

typedef struct {
  const unsigned char *p;
  const unsigned char *end;
  char *room;
  int error;
} fc_input;

static uint32_t fail(fc_input *in, int error) {
  in->error = error;
  return 0;
}

/* An integer whose prefix is the lower `bits` bits of the next byte (section 5.1). */
static uint32_t integer_read(fc_input *in, int bits) {
  uint32_t most = (1u << bits) - 1;
  if (in->p == in->end) return fail(in, FC_HPACK_TRUNCATED);
  uint64_t number = *in->p++ & most;
  if (number < most) return (uint32_t)number;
  for (int i = 0; i < INTEGER_BYTES; i++) {
    if (in->p == in->end) return fail(in, FC_HPACK_TRUNCATED);
    unsigned char byte = *in->p++;
    number += (uint64_t)(byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) return number <= INTEGER_MAX ? (uint32_t)number : fail(in, FC_HPACK_BAD_INTEGER);
  }
  return fail(in, FC_HPACK_BAD_INTEGER);
}

/* A string (section 5.2); what is decoded takes the beginning of the room. */
static const char *string_read(fc_input *in, size_t *len) {
  if (in->p == in->end) {
    in->error = FC_HPACK_TRUNCATED;
    return NULL;
  }
  int coded = *in->p & 0x80;
  uint32_t size = integer_read(in, 7);
  if (!in->error && size > (size_t)(in->end - in->p)) in->error = FC_HPACK_TRUNCATED;
  if (in->error) return NULL;
  const char *text = (const char *)in->p;
  in->p += size;
  *len = size;
  if (!coded) return text;
  ptrdiff_t decoded = fc_huffman_decode(in->room, text, size);
  if (decoded < 0) {
    in->error = FC_HPACK_BAD_HUFFMAN;
    return NULL;
  }
  text = in->room;
  *len = (size_t)decoded;
  in->room += decoded;
  return text;
}

/* Only a name in lower case is a known one: what else it is, the caller must see. */
static uint8_t known_id(const char *name, size_t len) {
  size_t known_len;
  int id = fc_name_id(name, len);
  return id && memcmp(name, fc_name_text(id, &known_len), len) == 0 ? (uint8_t)id : FC_NAME_UNKNOWN;
}

/* The entry with an index on the wire (section 2.3.3); the name alone, or with its value. */
static int entry_read(const fc_hpack_table *table, uint32_t index, int with_value, fc_hpack_field *field) {
  if (index == 0 || index - 1 >= FC_HPACK_STATICS + table->count) return FC_HPACK_BAD_INDEX;
  if (index <= FC_HPACK_STATICS) {
    const fc_hpack_static *entry = fc_hpack_static_entry(index);
    field->static_index = (uint8_t)index;
    field->name = entry->name;
    field->name_len = entry->name_len;
    field->value = entry->value;
    field->value_len = entry->value_len;
    field->known = known_id(field->name, field->name_len);
    return 0;
  }
  uint64_t number = table->inserted - (index - FC_HPACK_STATICS - 1);
  const fc_hpack_entry *entry = &table->entries[number & table->entry_mask];
  *(with_value ? &field->number : &field->name_number) = number;
  field->name_len = entry->name_len;
  field->value_len = entry->value_len;
  field->known = entry->known;
  return 0;
}

void fc_hpack_decode_entry(fc_hpack_decoder *decoder, fc_hpack_field *field) {
  field->number = fc_hpack_table_insert(&decoder->table, field->name, field->name_len, field->value, field->value_len,
                                        field->known);
}

/* A literal (section 6.2): its name by index or in full, then its value. */
static int literal_read(fc_hpack_decoder *decoder, fc_input *in, int prefix, int indexed, fc_hpack_field *field) {
  uint32_t index = integer_read(in, prefix);
  if (in->error) return in->error;
  field->literal = 1;
  if (index) {
    int error = entry_read(&decoder->table, index, 0, field);
    if (error) return error;
  } else {
    field->name = string_read(in, &field->name_len);
    if (in->error) return in->error;
    field->known = known_id(field->name, field->name_len);
  }
  field->value = string_read(in, &field->value_len);
  if (in->error) return in->error;
  if (!indexed) return 0;
  if (!fc_hpack_table_fits(&decoder->table, field->name_len, field->value_len)) return FC_HPACK_GROW;
  fc_hpack_decode_entry(decoder, field);
  return 0;
}

static int update_read(fc_hpack_decoder *decoder, fc_input *in) {
  uint32_t size = integer_read(in, 5);
  if (in->error) return in->error;
  if (decoder->in_fields) return FC_HPACK_LATE_UPDATE;
  if (size > decoder->limit) return FC_HPACK_TABLE_TOO_LARGE;
  fc_hpack_table_resize(&decoder->table, size);
  decoder->update_due = 0;
  return 0;
}

static int field_read(fc_hpack_decoder *decoder, fc_input *in, fc_hpack_field *field) {
  unsigned char byte = *in->p;
  memset(field, 0, sizeof *field);
  decoder->in_fields = 1;
  if (byte & 0x80) {
    uint32_t index = integer_read(in, 7);
    return in->error ? in->error : entry_read(&decoder->table, index, 1, field);
  }
  if (byte & 0x40) return literal_read(decoder, in, 6, 1, field);
  field->never_indexed = (byte & 0x10) != 0;
  return literal_read(decoder, in, 4, 0, field);
}

void fc_hpack_decoder_init(fc_hpack_decoder *decoder, uint32_t most) {
  memset(decoder, 0, sizeof *decoder);
  fc_hpack_table_init(&decoder->table, most, 0);
  decoder->limit = FC_HPACK_DEFAULT;
}

void fc_hpack_decoder_limit(fc_hpack_decoder *decoder, uint32_t limit) {
  if (limit > decoder->table.most) limit = decoder->table.most;
  if (limit < decoder->table.max_size) decoder->update_due = 1;
  decoder->limit = limit;
}

int fc_hpack_decode_field(fc_hpack_decoder *decoder, const char *block, size_t len, size_t *pos, char *room,
                          fc_hpack_field *field) {
  const unsigned char *start = (const unsigned char *)block;
  fc_input in = {start + *pos, start + len, room, 0};
  if (*pos == 0) decoder->in_fields = 0;
  while (in.p < in.end && (*in.p & 0xe0) == 0x20) {
    int error = update_read(decoder, &in);
    if (error) return error;
  }
  if (decoder->update_due) return FC_HPACK_NO_UPDATE;
  int result = FC_HPACK_END;
  if (in.p < in.end) {
    result = field_read(decoder, &in, field);
    if (result == 0) result = FC_HPACK_FIELD;
  }
  *pos = (size_t)(in.p - start);
  return result;
}

const char *fc_hpack_reason(int error) {
  switch (error) {
  case FC_HPACK_TRUNCATED: return "the field block is cut";
  case FC_HPACK_BAD_INTEGER: return "an integer in the field block is too large";
  case FC_HPACK_BAD_INDEX: return "the field block names an entry that is not in the table";
  case FC_HPACK_BAD_HUFFMAN: return "malformed Huffman code in the field block";
  case FC_HPACK_TABLE_TOO_LARGE: return "table size update above the limit";
  case FC_HPACK_LATE_UPDATE: return "table size update behind a field";
  case FC_HPACK_NO_UPDATE: return "table size update is missing";
  default: return "malformed field block";
  }
}
