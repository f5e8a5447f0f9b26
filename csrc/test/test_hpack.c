/* SPDX-License-Identifier: MIT
 *
 * HPACK: the examples of RFC 7541 appendix C both ways, each error, eviction, size updates, growth, and an encoder against
 * a decoder over random fields. Blocks end at a guard page; the memory of tables is as small as they ask for.
 */
#include <stdio.h>
#include <string.h>

#include "../huffman.h"
#include "../names.h"
#include "check.h"
#include "hpack_ends.h"

#define BLOCK_MAX 4096

static fc_receiver receiver;
static fc_sender sender;

static void begin(uint32_t size) {
  receiver_begin(&receiver);
  sender_begin(&sender);
  fc_hpack_table_resize(&receiver.decoder.table, size);
  fc_hpack_table_resize(&sender.encoder.table, size);
}

static size_t from_hex(const char *hex, char *bytes) {
  size_t len = 0;
  for (; *hex; hex++) {
    if (*hex == ' ') continue;
    unsigned byte;
    sscanf(hex, "%2x", &byte);
    bytes[len++] = (char)(unsigned char)byte;
    hex++;
  }
  return len;
}

/* Decodes a block to "name: value\n..." in text; returns the last result, FC_HPACK_END or an error. */
static int decode(const char *block, size_t len, char *text) {
  fc_hpack_field field;
  size_t pos = 0;
  int result;
  char *src = guard_place(GUARD_INPUT, block, len);
  char *room = guard_reserve(GUARD_OUTPUT, fc_huffman_bound(len));
  *text = '\0';
  while ((result = receive_field(&receiver, src, len, &pos, room, &field)) == FC_HPACK_FIELD) {
    text += sprintf(text, "%.*s: %.*s\n", (int)field.name_len, field.name, (int)field.value_len, field.value);
    CHECK(field.static_index <= FC_HPACK_STATICS && pos <= len);
    size_t known_len;
    CHECK(!field.known || strncmp(fc_name_text(field.known, &known_len), field.name, field.name_len) == 0);
  }
  return result;
}

/* The dynamic table as the RFC prints it: "name: value\n", the newest first. The texts are the receiver's, or, where that
 * is NULL, the table's. */
static void print_table(const fc_hpack_table *table, char *const *kept, char *text) {
  *text = '\0';
  for (uint64_t number = table->inserted; number > table->inserted - table->count; number--) {
    const fc_hpack_entry *entry = fc_hpack_table_entry(table, number);
    const char *start = kept ? kept[number % KEPT] : table->text + entry->start;
    text += sprintf(text, "%.*s: %.*s\n", (int)entry->name_len, start, (int)entry->value_len, start + entry->name_len);
  }
}

static size_t encode(const char *fields, char *block, enum fc_hpack_mode mode) {
  size_t len = fc_hpack_encode_start(&sender.encoder, block);
  while (*fields) {
    const char *colon = strstr(fields, ": ");
    const char *end = strchr(fields, '\n');
    size_t name_len = (size_t)(colon - fields);
    size_t value_len = (size_t)(end - colon) - 2;
    len += send_field(&sender, block + len, fields, name_len, colon + 2, value_len, mode);
    fields = end + 1;
  }
  return len;
}

typedef struct {
  const char *name;
  const char *hex;
  const char *fields;
  const char *table; /* after the block */
  uint32_t size;
  uint32_t max_size; /* of a new table, 0 = that of the example before */
  int huffman;       /* -1 = only to decode, 2 = with a coding that is as long as the text */
  enum fc_hpack_mode mode;
} fc_example;

#define WWW    ":authority: www.example.com\n"
#define CACHE  "cache-control: no-cache\n"
#define CUSTOM "custom-key: custom-value\n"
#define DATE1  "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
#define DATE2  "date: Mon, 21 Oct 2013 20:13:22 GMT\n"
#define PLACE  "location: https://www.example.com\n"
#define COOKIE "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"
#define GZIP   "content-encoding: gzip\n"

static const fc_example examples[] = {
    {"C.1.2", "3fe1 1f", "", "", 0, 4096, -1, FC_HPACK_PLAIN},
    {"C.2.1", "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header\n",
     "custom-key: custom-header\n", 55, 4096, 0, FC_HPACK_INDEX},
    {"C.2.2", "040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path\n", "", 0, 4096, 0, FC_HPACK_PLAIN},
    {"C.2.3", "1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret\n", "", 0, 4096, 0, FC_HPACK_NEVER},
    {"C.2.4", "82", ":method: GET\n", "", 0, 4096, 0, FC_HPACK_PLAIN},
    {"C.3.1", "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", ":method: GET\n:scheme: http\n:path: /\n" WWW, WWW,
     57, 4096, 0, FC_HPACK_INDEX},
    {"C.3.2", "8286 84be 5808 6e6f 2d63 6163 6865", ":method: GET\n:scheme: http\n:path: /\n" WWW CACHE, CACHE WWW, 110,
     0, 0, FC_HPACK_INDEX},
    {"C.3.3", "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
     ":method: GET\n:scheme: https\n:path: /index.html\n" WWW CUSTOM, CUSTOM CACHE WWW, 164, 0, 0, FC_HPACK_INDEX},
    {"C.4.1", "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", ":method: GET\n:scheme: http\n:path: /\n" WWW, WWW, 57,
     4096, 1, FC_HPACK_INDEX},
    {"C.4.2", "8286 84be 5886 a8eb 1064 9cbf", ":method: GET\n:scheme: http\n:path: /\n" WWW CACHE, CACHE WWW, 110, 0,
     1, FC_HPACK_INDEX},
    {"C.4.3", "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
     ":method: GET\n:scheme: https\n:path: /index.html\n" WWW CUSTOM, CUSTOM CACHE WWW, 164, 0, 1, FC_HPACK_INDEX},
    {"C.5.1",
     "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d "
     "546e"
     "1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
     ":status: 302\ncache-control: private\n" DATE1 PLACE, PLACE DATE1 "cache-control: private\n:status: 302\n", 222,
     256, 0, FC_HPACK_INDEX},
    {"C.5.2", "4803 3330 37c1 c0bf", ":status: 307\ncache-control: private\n" DATE1 PLACE,
     ":status: 307\n" PLACE DATE1 "cache-control: private\n", 222, 0, 0, FC_HPACK_INDEX},
    {"C.5.3",
     "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f "
     "6f3d"
     "4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 "
     "6572"
     "7369 6f6e 3d31",
     ":status: 200\ncache-control: private\n" DATE2 PLACE GZIP COOKIE, COOKIE GZIP DATE2, 215, 0, 0, FC_HPACK_INDEX},
    {"C.6.1",
     "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 "
     "8f0b"
     "97c8 e9ae 82ae 43d3",
     ":status: 302\ncache-control: private\n" DATE1 PLACE, PLACE DATE1 "cache-control: private\n:status: 302\n", 222,
     256, 1, FC_HPACK_INDEX},
    {"C.6.2", "4883 640e ffc1 c0bf", ":status: 307\ncache-control: private\n" DATE1 PLACE,
     ":status: 307\n" PLACE DATE1 "cache-control: private\n", 222, 0, 2, FC_HPACK_INDEX},
    {"C.6.3",
     "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 "
     "dfdf"
     "cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
     ":status: 200\ncache-control: private\n" DATE2 PLACE GZIP COOKIE, COOKIE GZIP DATE2, 215, 0, 1, FC_HPACK_INDEX},
};

static void the_examples_of_the_rfc(void) {
  char block[BLOCK_MAX], again[BLOCK_MAX], text[BLOCK_MAX];
  for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
    const fc_example *example = &examples[i];
    check_case(example->name);
    size_t len = from_hex(example->hex, block);
    if (example->max_size) {
      begin(example->max_size);
      /* each part of it, on a table of its own: a cut is an error, unless it is between two fields */
      for (size_t cut = 0; cut < len; cut++) {
        int result = decode(block, cut, text);
        CHECK(result == FC_HPACK_END || result == FC_HPACK_TRUNCATED);
        begin(example->max_size);
      }
    }
    CHECK_EQ(decode(block, len, text), FC_HPACK_END);
    CHECK(strcmp(text, example->fields) == 0);
    print_table(&receiver.decoder.table, receiver.kept, text);
    CHECK(strcmp(text, example->table) == 0);
    CHECK_EQ(receiver.decoder.table.size, example->size);
    if (example->huffman < 0) continue;
    sender.encoder.huffman = example->huffman > 0;
    CHECK_EQ(encode(example->fields, again, example->mode), len);
    CHECK(example->huffman == 2 || memcmp(again, block, len) == 0);
    print_table(&sender.encoder.table, NULL, text);
    CHECK(strcmp(text, example->table) == 0);
  }
}

static void errors(void) {
  static const struct {
    const char *hex;
    int result;
  } cases[] = {
      {"", FC_HPACK_END},
      {"20", FC_HPACK_END},
      {"20 3f e1 1f 82", FC_HPACK_END},
      {"80", FC_HPACK_BAD_INDEX},
      {"be", FC_HPACK_BAD_INDEX},
      {"7e 00", FC_HPACK_BAD_INDEX},
      {"40 01 61 01 62 be be", FC_HPACK_END},
      {"40 01 61 01 62 bf", FC_HPACK_BAD_INDEX},
      {"00 01 61 01 62 be", FC_HPACK_BAD_INDEX},
      {"ff", FC_HPACK_TRUNCATED},
      {"ff 80", FC_HPACK_TRUNCATED},
      {"ff 80 80 80 80 80", FC_HPACK_BAD_INTEGER},
      {"ff ff ff ff ff 0f", FC_HPACK_BAD_INTEGER},
      {"ff ff ff ff ff 07", FC_HPACK_BAD_INTEGER},
      {"ff 80 ff ff ff 07", FC_HPACK_BAD_INDEX},
      {"ff 80 80 80 80 00", FC_HPACK_BAD_INDEX},
      {"40", FC_HPACK_TRUNCATED},
      {"00 01", FC_HPACK_TRUNCATED},
      {"00 01 61", FC_HPACK_TRUNCATED},
      {"00 01 61 02 62", FC_HPACK_TRUNCATED},
      {"00 7f ff ff ff ff 07 61", FC_HPACK_BAD_INTEGER},
      {"00 81 00", FC_HPACK_BAD_HUFFMAN},
      {"00 01 61 81 ff", FC_HPACK_BAD_HUFFMAN},
      {"00 80 80", FC_HPACK_END},
      {"82 20", FC_HPACK_LATE_UPDATE},
      {"3f e2 1f", FC_HPACK_TABLE_TOO_LARGE},
      {"20 82 82", FC_HPACK_END},
  };
  char block[BLOCK_MAX], text[BLOCK_MAX];
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case(cases[i].hex);
    begin(FC_HPACK_DEFAULT);
    CHECK_EQ(decode(block, from_hex(cases[i].hex, block), text), cases[i].result);
    CHECK(fc_hpack_reason(cases[i].result) != NULL);
  }
}

static void what_a_field_says(void) {
  char block[64], room[64];
  fc_hpack_field field;
  size_t pos = 0;
  check_case("facts of fields");
  begin(FC_HPACK_DEFAULT);
  /* GET; accept: x indexed; the same name from the table, never indexed; that entry; Accept in full, with its capital */
  size_t len = from_hex("82 53 01 78 1f 2f 01 79 be 00 06 416363657074 00", block);
  CHECK_EQ(receive_field(&receiver, block, len, &pos, room, &field), FC_HPACK_FIELD);
  CHECK(field.static_index == 2 && !field.literal && !field.number && !field.known);
  CHECK_EQ(receive_field(&receiver, block, len, &pos, room, &field), FC_HPACK_FIELD);
  CHECK(field.static_index == 19 && field.literal && field.number == 1 && !field.name_number && !field.never_indexed);
  CHECK_EQ(field.known, fc_name_id("accept", 6));
  CHECK_EQ(receive_field(&receiver, block, len, &pos, room, &field), FC_HPACK_FIELD);
  CHECK(field.name_number == 1 && field.literal && !field.number && !field.static_index && field.never_indexed);
  CHECK_EQ(field.known, fc_name_id("accept", 6));
  CHECK_EQ(receive_field(&receiver, block, len, &pos, room, &field), FC_HPACK_FIELD);
  CHECK(field.number == 1 && !field.literal && field.known == fc_name_id("accept", 6));
  CHECK_EQ(receive_field(&receiver, block, len, &pos, room, &field), FC_HPACK_FIELD);
  CHECK(field.known == FC_NAME_UNKNOWN && field.literal && field.name_len == 6 && field.value_len == 0);
  CHECK_EQ(receive_field(&receiver, block, len, &pos, room, &field), FC_HPACK_END);
}

/* An entry larger than the table empties it; a name that goes with the eviction it causes is still right. */
static void evictions(void) {
  char block[BLOCK_MAX], text[BLOCK_MAX];
  check_case("evictions");
  begin(64);
  CHECK_EQ(decode(block, from_hex("40 05 6c6f6e6765 05 76616c7565", block), text), FC_HPACK_END);
  CHECK_EQ(receiver.decoder.table.count, 1);
  CHECK_EQ(decode(block, from_hex("7e 05 6f74686572 be", block), text), FC_HPACK_END);
  CHECK(strcmp(text, "longe: other\nlonge: other\n") == 0);
  CHECK_EQ(receiver.decoder.table.count, 1);
  CHECK_EQ(decode(block, from_hex("7e 1c 78787878787878787878787878787878787878787878787878787878", block), text),
           FC_HPACK_END);
  CHECK(strcmp(text, "longe: xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n") == 0);
  CHECK(receiver.decoder.table.count == 0 && receiver.decoder.table.size == 0);
}

static void size_updates(void) {
  char block[BLOCK_MAX], text[BLOCK_MAX];
  check_case("size updates");
  begin(FC_HPACK_DEFAULT);
  fc_hpack_decoder_limit(&receiver.decoder, 100);
  CHECK_EQ(decode(block, from_hex("82", block), text), FC_HPACK_NO_UPDATE);
  CHECK_EQ(decode(block, from_hex("3f 45 82", block), text), FC_HPACK_END);
  CHECK_EQ(receiver.decoder.table.max_size, 100);
  CHECK_EQ(decode(block, from_hex("3f 46", block), text), FC_HPACK_TABLE_TOO_LARGE);
  begin(FC_HPACK_DEFAULT);
  CHECK_EQ(encode(CUSTOM, block, FC_HPACK_INDEX), 20);
  CHECK_EQ(decode(block, 20, text), FC_HPACK_END);
  fc_hpack_encoder_limit(&sender.encoder, 10);
  fc_hpack_encoder_limit(&sender.encoder, 1u << 31); /* of which the most is used */
  CHECK_EQ(sender.encoder.table.count, 0);
  size_t len = encode(CUSTOM, block, FC_HPACK_INDEX);
  CHECK(memcmp(block, "\x2a\x3f\xe1\x1f", 4) == 0);
  CHECK_EQ(decode(block, len, text), FC_HPACK_END);
  CHECK(strcmp(text, CUSTOM) == 0 && receiver.decoder.table.count == 1);
  fc_hpack_encoder_limit(&sender.encoder, FC_HPACK_DEFAULT);
  CHECK_EQ(encode("", block, FC_HPACK_INDEX), 0);
  fc_hpack_encoder_limit(&sender.encoder, 0);
  CHECK_EQ(encode("", block, FC_HPACK_INDEX), 1);
  CHECK_EQ(block[0], 0x20);
}

static void repeated_fields_are_indexed(void) {
  char block[BLOCK_MAX], text[BLOCK_MAX];
  check_case("repeated");
  begin(FC_HPACK_DEFAULT);
  for (int round = 0; round < 4; round++) {
    size_t len = encode(CUSTOM GZIP, block, FC_HPACK_IF_REPEATED);
    CHECK((len == 2) == (round >= 2));
    CHECK_EQ(sender.encoder.table.count, round ? 2 : 0);
    CHECK_EQ(decode(block, len, text), FC_HPACK_END);
    CHECK(strcmp(text, CUSTOM GZIP) == 0);
  }
  CHECK(encode(GZIP, block, FC_HPACK_NEVER) > 2 && block[0] == 0x1f); /* though it is in the table by now */
  for (int round = 0; round < 4; round++) {
    CHECK(encode(COOKIE, block, FC_HPACK_IF_REPEATED) > 20 && block[0] == 0x1f);
    CHECK(encode("authorization: x\n", block, FC_HPACK_IF_REPEATED) > 2 && block[0] == 0x1f);
  }
}

/* Inserts what fits into the memory, or into more of it; the name is of so many bytes, all the same. */
static void put(fc_hpack_table *table, size_t name_len, size_t value_len) {
  static char bytes[2 * FC_HPACK_TABLE_MAX];
  char letter = (char)('a' + table->inserted % 26);
  memset(bytes, letter, name_len + value_len);
  if (!fc_hpack_table_fits(table, name_len, value_len)) table_grow(table);
  uint64_t number = fc_hpack_table_insert(table, bytes, name_len, bytes + name_len, value_len, 0);
  CHECK_EQ(number, name_len + value_len + FC_HPACK_OVERHEAD <= table->max_size ? table->inserted : 0);
  CHECK(table->size <= table->max_size && table->size <= table->capacity);
  size_t size = 0;
  for (number = table->inserted; number > table->inserted - table->count; number--) {
    const fc_hpack_entry *entry = fc_hpack_table_entry(table, number);
    size_t len = (size_t)(entry->name_len + entry->value_len);
    size += len + FC_HPACK_OVERHEAD;
    if (!table->has_text) continue;
    CHECK(entry->start + len <= table->capacity - FC_HPACK_OVERHEAD);
    for (size_t i = 0; i < len; i += 1 + len / 64) CHECK_EQ(table->text[entry->start + i], 'a' + (number - 1) % 26);
  }
  CHECK_EQ(size, table->size);
  CHECK(fc_hpack_table_entry(table, number) == NULL);
}

static void a_table_grows(void) {
  for (int has_text = 0; has_text < 2; has_text++) {
    fc_hpack_table table;
    check_case(has_text ? "growth with text" : "growth");
    fc_hpack_table_init(&table, FC_HPACK_DEFAULT, has_text);
    put(&table, 4000, 97); /* which is not kept */
    CHECK(table.entries == NULL && table.capacity == 0);
    for (uint32_t capacity = FC_HPACK_SMALLEST; capacity <= FC_HPACK_DEFAULT; capacity *= 2) {
      while (table.size + 64 <= capacity) {
        put(&table, 10, 22);
        CHECK_EQ(table.capacity, capacity);
      }
    }
    CHECK_EQ(fc_hpack_table_bytes(&table), has_text ? 4096 / 32 * 8 + 4096 - 32 : 4096 / 32 * 8);
    for (size_t i = 0; i < 400; i++) put(&table, i % 40, i * 37 % 400); /* the text begins anew many times */
    fc_hpack_table_resize(&table, 0);
    put(&table, 0, 0);
    CHECK_EQ(table.count, 0);
    CHECK_EQ(table.capacity, FC_HPACK_DEFAULT);
    free(table.entries);
    fc_hpack_table_init(&table, FC_HPACK_DEFAULT, has_text);
    fc_hpack_table_resize(&table, 700);
    for (size_t i = 0; i < 400; i++) put(&table, i % 5, i % 30);
    CHECK_EQ(table.capacity, 1024);
    put(&table, 600, 68);
    put(&table, 0, 0); /* evicts it */
    CHECK_EQ(table.count, 1);
    fc_hpack_table_resize(&table, FC_HPACK_DEFAULT);
    put(&table, 3000, 0);
    CHECK_EQ(table.count, 2);
    CHECK_EQ(table.capacity, FC_HPACK_DEFAULT);
    free(table.entries);
  }
}

static void the_largest_table(void) {
  fc_hpack_table table;
  check_case("largest table");
  fc_hpack_table_init(&table, FC_HPACK_TABLE_MAX, 1);
  fc_hpack_table_resize(&table, UINT32_MAX);
  CHECK_EQ(table.max_size, FC_HPACK_TABLE_MAX);
  put(&table, 0, 0);
  for (size_t i = 0; i < 4; i++) {
    put(&table, i, FC_HPACK_TABLE_MAX - FC_HPACK_OVERHEAD - i);
    CHECK_EQ(table.count, 1);
    put(&table, 0, 0);
    CHECK_EQ(table.count, 1);
    for (int j = 0; j < 10; j++) put(&table, 8000, 100);
  }
  for (int i = 0; i < 2100; i++) put(&table, 0, 0);
  CHECK_EQ(table.count, FC_HPACK_TABLE_MAX / FC_HPACK_OVERHEAD);
  put(&table, 1, 0);
  free(table.entries);
}

/* What a table got no memory for is not indexed, and all else goes on. */
static void without_memory(void) {
  char block[BLOCK_MAX], text[BLOCK_MAX];
  check_case("without memory");
  begin(FC_HPACK_DEFAULT);
  sender.stingy = 1;
  for (int round = 0; round < 3; round++) {
    CHECK_EQ(decode(block, encode(CUSTOM, block, FC_HPACK_INDEX), text), FC_HPACK_END);
    CHECK(strcmp(text, CUSTOM) == 0 && block[0] == 0 && sender.encoder.table.inserted == 0);
  }
  sender.stingy = 0;
  CHECK_EQ(decode(block, encode(CUSTOM, block, FC_HPACK_INDEX), text), FC_HPACK_END);
  CHECK_EQ(encode(CUSTOM, block, FC_HPACK_INDEX), 1);
}

/* Fields of all sizes, few enough to repeat, with changes of the limit and without memory: each block is read as it was
 * written, and the tables are the same. */
static void random_fields(void) {
  static char long_value[301];
  static char block[1 << 16], text[1 << 16], expected[1 << 16];
  uint32_t state = 61;
  check_case("random fields");
  memset(long_value, 'v', sizeof long_value - 1);
  for (int round = 0; round < 20000; round++) {
    if (round % 250 == 0) begin(FC_HPACK_DEFAULT);
    sender.stingy = round % 100 > 80;
    char *end = expected;
    *end = '\0';
    uint32_t fields = random_next(&state) % 6;
    for (uint32_t i = 0; i < fields; i++) {
      uint32_t number = random_next(&state) % 60;
      unsigned index = 1 + random_next(&state) % FC_HPACK_STATICS;
      const char *name = number % 3 ? fc_hpack_static_entry(index)->name : "x-own";
      const char *value = number % 5 ? long_value : "0123456789 some other text";
      int value_len = (int)(random_next(&state) % 300 * (number % 4));
      end += sprintf(end, "%s%s: %.*s\n", name, number % 7 ? "" : "-1", value_len, value);
    }
    if (random_next(&state) % 50 == 0) fc_hpack_encoder_limit(&sender.encoder, random_next(&state) % 5000);
    size_t len = encode(expected, block, (enum fc_hpack_mode)(random_next(&state) % 4));
    CHECK_EQ(decode(block, len, text), FC_HPACK_END);
    CHECK(strcmp(text, expected) == 0);
    CHECK(sender.encoder.table.size == receiver.decoder.table.size &&
          sender.encoder.table.inserted == receiver.decoder.table.inserted);
    CHECK(sender.encoder.table.size <= sender.encoder.table.max_size);
    if (round % 10) continue;
    print_table(&receiver.decoder.table, receiver.kept, text);
    print_table(&sender.encoder.table, NULL, expected);
    CHECK(strcmp(text, expected) == 0);
  }
  sender.stingy = 0;
}

static void any_bytes(void) {
  static char text[1 << 20];
  uint32_t state = 7542;
  check_case("any bytes");
  begin(FC_HPACK_DEFAULT);
  for (int round = 0; round < 100000; round++) {
    char block[40];
    size_t len = random_next(&state) % sizeof block;
    for (size_t i = 0; i < len; i++) {
      uint32_t number = random_next(&state);
      block[i] = (char)(unsigned char)(number & 0x300 ? (number >> 16) & 0xcf : number >> 16);
    }
    if (decode(block, len, text) < 0 && round % 16 == 0) begin(FC_HPACK_DEFAULT);
    CHECK(receiver.decoder.table.size <= receiver.decoder.table.max_size);
  }
}

static void the_static_table(void) {
  check_case("static table");
  for (unsigned index = 1; index <= FC_HPACK_STATICS; index++) {
    const fc_hpack_static *entry = fc_hpack_static_entry(index);
    CHECK(strlen(entry->name) == entry->name_len && strlen(entry->value) == entry->value_len);
    unsigned first = fc_hpack_static_index(entry->name, entry->name_len);
    CHECK(first >= 1 && first <= index && strcmp(fc_hpack_static_entry(first)->name, entry->name) == 0);
    CHECK(first == 1 || strcmp(fc_hpack_static_entry(first - 1)->name, entry->name) != 0);
    CHECK_EQ(fc_hpack_static_index(entry->name, entry->name_len - 1u), 0);
  }
  CHECK_EQ(fc_hpack_static_index("", 0), 0);
  CHECK_EQ(fc_hpack_static_index(BYTES("Date")), 0);
  CHECK_EQ(fc_hpack_entries(4096), 128);
  CHECK_EQ(fc_hpack_entries(4097), 256);
}

void test_hpack(void) {
  the_static_table();
  the_examples_of_the_rfc();
  errors();
  what_a_field_says();
  evictions();
  size_updates();
  repeated_fields_are_indexed();
  a_table_grows();
  the_largest_table();
  without_memory();
  random_fields();
  any_bytes();
  receiver_begin(&receiver);
  sender_begin(&sender);
}
