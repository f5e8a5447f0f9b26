/* SPDX-License-Identifier: MIT
 *
 * What a caller of hpack.h does: a table's memory is allocated, exactly, when it is asked for, and a receiver keeps the
 * texts of the dynamic entries. For test_hpack.c and fuzz_hpack.c, which compare both ends.
 */
#ifndef FC_HPACK_ENDS_H
#define FC_HPACK_ENDS_H

#include <stdlib.h>
#include <string.h>

#include "../hpack.h"

#define KEPT (FC_HPACK_DEFAULT / FC_HPACK_OVERHEAD)

typedef struct {
  fc_hpack_decoder decoder;
  char *kept[KEPT]; /* name and value of the entry with a number, at the number modulo KEPT */
} fc_receiver;

typedef struct {
  fc_hpack_encoder encoder;
  int stingy; /* a table that must grow gets no memory */
} fc_sender;

static inline void *obtain(size_t size) {
  void *memory = malloc(size + !size);
  if (!memory) abort();
  return memory;
}

static inline void table_grow(fc_hpack_table *table) {
  void *before = table->entries;
  fc_hpack_table_grow(table, obtain(fc_hpack_table_bytes(table)));
  free(before);
}

/* A new connection's; zero-filled before its first time. */
static inline void receiver_begin(fc_receiver *receiver) {
  free(receiver->decoder.table.entries);
  for (size_t i = 0; i < KEPT; i++) {
    free(receiver->kept[i]);
    receiver->kept[i] = NULL;
  }
  fc_hpack_decoder_init(&receiver->decoder, FC_HPACK_DEFAULT);
}

static inline void sender_begin(fc_sender *sender) {
  free(sender->encoder.table.entries);
  fc_hpack_encoder_init(&sender->encoder, FC_HPACK_DEFAULT);
}

/* fc_hpack_decode_field(), with the texts of dynamic entries. */
static inline int receive_field(fc_receiver *receiver, const char *block, size_t len, size_t *pos, char *room,
                                fc_hpack_field *field) {
  int result = fc_hpack_decode_field(&receiver->decoder, block, len, pos, room, field);
  if (result == FC_HPACK_GROW) {
    table_grow(&receiver->decoder.table);
    fc_hpack_decode_entry(&receiver->decoder, field);
    result = FC_HPACK_FIELD;
  }
  if (result != FC_HPACK_FIELD) return result;
  if (field->name_number) field->name = receiver->kept[field->name_number % KEPT];
  char **kept = &receiver->kept[field->number % KEPT];
  if (field->number && field->literal) {
    char *text = (char *)obtain(field->name_len + field->value_len);
    if (field->name_len) memcpy(text, field->name, field->name_len);
    if (field->value_len) memcpy(text + field->name_len, field->value, field->value_len);
    free(*kept);
    *kept = text;
  }
  if (field->number) {
    field->name = *kept;
    field->value = *kept + field->name_len;
  }
  return result;
}

static inline size_t send_field(fc_sender *sender, char *dst, const char *name, size_t name_len, const char *value,
                                size_t value_len, enum fc_hpack_mode mode) {
  fc_hpack_encoder *encoder = &sender->encoder;
  size_t written = fc_hpack_encode_field(encoder, dst, name, name_len, value, value_len, mode);
  if (written) return written;
  if (sender->stingy) {
    mode = FC_HPACK_PLAIN;
  } else {
    table_grow(&encoder->table);
  }
  return fc_hpack_encode_field(encoder, dst, name, name_len, value, value_len, mode);
}

#endif
