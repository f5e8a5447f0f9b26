/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for hpack.h and huffman.h. The input is a row of blocks: a length byte, then so many bytes.
 *
 * Invariants: texts lie in the block, the room or the table; the table keeps its size; what was decoded, encoded again
 * and decoded by another decoder is the same; decoded Huffman code, encoded again, is the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "../huffman.h"
#include "../test/hpack_ends.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
  fc_receiver first, second;
  fc_sender sender;
} fc_state;

static void require(int holds) {
  if (!holds) abort();
}

static char *copy_of(const uint8_t *bytes, size_t len) {
  char *copy = (char *)malloc(len + !len);
  require(copy != NULL);
  if (len) memcpy(copy, bytes, len);
  return copy;
}

static void require_size(const fc_hpack_table *table) {
  uint32_t size = 0;
  for (uint32_t i = 0; i < table->count; i++) {
    const fc_hpack_entry *entry = fc_hpack_table_entry(table, table->inserted - i);
    require(entry != NULL);
    uint32_t len = (uint32_t)(entry->name_len + entry->value_len);
    require(!table->has_text || entry->start + len <= table->capacity - FC_HPACK_OVERHEAD);
    size += len + FC_HPACK_OVERHEAD;
  }
  require(size == table->size && size <= table->max_size && size <= table->capacity);
}

/* The field through the encoder and the second decoder. */
static void require_same(fc_state *state, const fc_hpack_field *field, enum fc_hpack_mode mode) {
  size_t bound = FC_HPACK_UPDATES_MAX + fc_hpack_field_bound(field->name_len, field->value_len);
  char *block = (char *)malloc(bound);
  require(block != NULL);
  size_t len = fc_hpack_encode_start(&state->sender.encoder, block);
  len += send_field(&state->sender, block + len, field->name, field->name_len, field->value, field->value_len, mode);
  require(len <= bound);
  char *room = (char *)malloc(fc_huffman_bound(len) + 1);
  require(room != NULL);
  fc_hpack_field again;
  size_t pos = 0;
  require(receive_field(&state->second, block, len, &pos, room, &again) == FC_HPACK_FIELD && pos == len);
  require(again.name_len == field->name_len && memcmp(again.name, field->name, field->name_len) == 0);
  require(again.value_len == field->value_len && memcmp(again.value, field->value, field->value_len) == 0);
  require(again.known == field->known);
  free(block);
  free(room);
}

static int decode(fc_state *state, const uint8_t *bytes, size_t len) {
  char *block = copy_of(bytes, len);
  char *room = (char *)malloc(fc_huffman_bound(len) + 1);
  require(room != NULL);
  fc_hpack_field field;
  size_t pos = 0;
  int result;
  for (;;) {
    size_t before = pos;
    result = receive_field(&state->first, block, len, &pos, room, &field);
    if (result != FC_HPACK_FIELD) break;
    require(pos > before && pos <= len);
    require_same(state, &field, (enum fc_hpack_mode)(pos % 4));
  }
  require(result == FC_HPACK_END ? pos == len : fc_hpack_reason(result) != NULL);
  free(block);
  free(room);
  return result;
}

static void require_huffman(const uint8_t *bytes, size_t len) {
  char *src = copy_of(bytes, len);
  char *text = (char *)malloc(fc_huffman_bound(len) + 1);
  char *again = (char *)malloc(len + 1);
  require(text != NULL && again != NULL);
  ptrdiff_t decoded = fc_huffman_decode(text, src, len);
  require(decoded <= (ptrdiff_t)fc_huffman_bound(len));
  if (decoded >= 0) {
    require(fc_huffman_size(text, (size_t)decoded) == len && fc_huffman_encode(again, text, (size_t)decoded) == len);
    require(memcmp(again, src, len) == 0);
  }
  free(src);
  free(text);
  free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fc_state state;
  receiver_begin(&state.first);
  receiver_begin(&state.second);
  sender_begin(&state.sender);
  state.sender.stingy = 0;
  require_huffman(data, size);
  while (size > 0) {
    size_t len = data[0] < size - 1 ? data[0] : size - 1;
    if (data[0] == 255 && size > 2) fc_hpack_encoder_limit(&state.sender.encoder, data[1] * 32u);
    if (data[0] == 254) state.sender.stingy = !state.sender.stingy;
    int result = decode(&state, data + 1, len);
    require_size(&state.first.decoder.table);
    require_size(&state.second.decoder.table);
    require_size(&state.sender.encoder.table);
    if (result < 0) break;
    data += len + 1;
    size -= len + 1;
  }
  return 0;
}
