/* SPDX-License-Identifier: MIT
 *
 * Field compression for HTTP/2 (RFC 7541): a block of bytes <-> fields, and the dynamic table that both sides keep.
 *
 * A decoder yields one field a call, so that nothing has to be stored; an encoder appends one field a call. Memory is the
 * caller's, and so small as what it holds: a call that needs more says so, and is made again when the table has grown.
 * Called by _hpack.pyx; calls huffman.c and names.c.
 */
#ifndef FC_HPACK_H
#define FC_HPACK_H

#include <stddef.h>
#include <stdint.h>

#define FC_HPACK_STATICS     61   /* entries of the static table, from 1 on (appendix A) */
#define FC_HPACK_OVERHEAD    32   /* what an entry counts beside its bytes (section 4.1) */
#define FC_HPACK_DEFAULT     4096 /* bytes of a table until something else is said (RFC 9113 section 6.5.2) */
#define FC_HPACK_TABLE_MAX   65536u
#define FC_HPACK_SMALLEST    512 /* bytes of entries that a table's first memory holds */
#define FC_HPACK_UPDATES_MAX 12  /* bytes of the table size updates before a block */
#define FC_HPACK_SLOTS       128
#define FC_HPACK_NAME_SLOTS  64
#define FC_HPACK_REMEMBERED  64

/* ---- the table ------------------------------------------------------------------------------------------------- */

typedef struct {
  uint16_t start; /* of the name in the text; the value follows it */
  uint16_t name_len;
  uint16_t value_len;
  uint8_t known; /* id of the name in names.h, 0 = none */
} fc_hpack_entry;

/* Entries have numbers: the first that was ever inserted is 1. The newest has the index 62 on the wire. */
typedef struct {
  fc_hpack_entry *entries; /* the memory: fc_hpack_entries(capacity) of them; number n is at n modulo that */
  char *text;              /* behind them: an encoder's texts, of the oldest entry first; a decoder keeps none */
  uint32_t entry_mask;
  uint32_t capacity; /* what the memory holds, in bytes that entries count; 0 = there is none yet */
  uint32_t wanted;   /* the capacity to grow to, when a call has said that the table must grow */
  uint32_t most;     /* of max_size */
  uint32_t max_size; /* what the entries may count together */
  uint32_t size;     /* what they do */
  uint32_t count;    /* entries in the table */
  uint32_t head;     /* where the text is free */
  uint64_t inserted; /* number of the newest */
  uint8_t has_text;
} fc_hpack_table;

/* The number of entries that a table has room for: a power of two. */
uint32_t fc_hpack_entries(uint32_t capacity);

/* An empty table of FC_HPACK_DEFAULT bytes, without memory; most is from that to FC_HPACK_TABLE_MAX. */
void fc_hpack_table_init(fc_hpack_table *table, uint32_t most, int has_text);

/* Sets max_size, at most `most`, and evicts what it no longer holds (section 4.3). */
void fc_hpack_table_resize(fc_hpack_table *table, uint32_t max_size);

/* Whether the memory holds an entry of this size beside those that it does not evict; else `wanted` is set. */
int fc_hpack_table_fits(fc_hpack_table *table, size_t name_len, size_t value_len);

/* Bytes of memory for `wanted`, aligned for fc_hpack_entry. */
size_t fc_hpack_table_bytes(const fc_hpack_table *table);

/* Moves the table into such memory; what `entries` pointed to is the caller's again. */
void fc_hpack_table_grow(fc_hpack_table *table, void *memory);

/* Inserts an entry that fits (section 4.4) and returns its number; 0 when it is larger than the table, which is then
 * empty. The texts, which a table without text does not look at, lie elsewhere. */
uint64_t fc_hpack_table_insert(fc_hpack_table *table, const char *name, size_t name_len, const char *value,
                               size_t value_len, uint8_t known);

/* The entry with a number, NULL when it is not in the table. */
const fc_hpack_entry *fc_hpack_table_entry(const fc_hpack_table *table, uint64_t number);

typedef struct {
  char name[28];
  char value[16];
  uint8_t name_len;
  uint8_t value_len;
} fc_hpack_static;

/* Entry 1 to FC_HPACK_STATICS of the static table. */
const fc_hpack_static *fc_hpack_static_entry(unsigned index);

/* The first entry of the static table with this name, 0 = none. */
unsigned fc_hpack_static_index(const char *name, size_t len);

/* ---- decoding -------------------------------------------------------------------------------------------------- */

typedef struct {
  fc_hpack_table table;
  uint32_t limit;     /* what the other side may set the size to */
  uint8_t update_due; /* the limit was lowered: the next block begins with an update */
  uint8_t in_fields;  /* a field of this block has been read */
} fc_hpack_decoder;

/* The texts of dynamic entries are the caller's, who has made something of each field: it keeps that by the number. */
typedef struct {
  const char *name;  /* valid until block and room are gone; NULL = that of a dynamic entry */
  const char *value; /* the same */
  size_t name_len;
  size_t value_len;
  uint64_t number;      /* of the dynamic entry that this field is, or was made; 0 = neither */
  uint64_t name_number; /* of the dynamic entry that a literal has its name of, 0 = none; it may be evicted by now */
  uint8_t static_index; /* of the static entry that this field is or has its name of; 0 = neither */
  uint8_t literal;      /* the value came with the block; else the whole field is an entry */
  uint8_t never_indexed;
  uint8_t known; /* id of the name in names.h, 0 = none or not in lower case */
} fc_hpack_field;

enum fc_hpack_result {
  FC_HPACK_END = 0, /* of the block */
  FC_HPACK_FIELD = 1,
  FC_HPACK_GROW = 2, /* a field whose entry waits: the table must grow, then fc_hpack_decode_entry() be called */
  FC_HPACK_TRUNCATED = -1,
  FC_HPACK_BAD_INTEGER = -2,
  FC_HPACK_BAD_INDEX = -3,
  FC_HPACK_BAD_HUFFMAN = -4,
  FC_HPACK_TABLE_TOO_LARGE = -5, /* a size update above the limit */
  FC_HPACK_LATE_UPDATE = -6,     /* a size update behind a field */
  FC_HPACK_NO_UPDATE = -7        /* none though the limit was lowered */
};

/* The limit is FC_HPACK_DEFAULT, as is the first size. */
void fc_hpack_decoder_init(fc_hpack_decoder *decoder, uint32_t most);

/* Changes the limit, at most `most`, when the other side has acknowledged it (section 4.2). */
void fc_hpack_decoder_limit(fc_hpack_decoder *decoder, uint32_t limit);

/* Reads the next field of a whole block from *pos on, 0 at its start, and moves *pos behind it.
 *
 * room takes decoded text and has fc_huffman_bound(len) bytes. Returns an enum fc_hpack_result; after an error the
 * decoder is of no more use (section 5: COMPRESSION_ERROR). */
int fc_hpack_decode_field(fc_hpack_decoder *decoder, const char *block, size_t len, size_t *pos, char *room,
                          fc_hpack_field *field);

/* Inserts the field that FC_HPACK_GROW came with. */
void fc_hpack_decode_entry(fc_hpack_decoder *decoder, fc_hpack_field *field);

/* One lower-case phrase for the log that names the mistake; never NULL. */
const char *fc_hpack_reason(int error);

/* ---- encoding -------------------------------------------------------------------------------------------------- */

typedef struct {
  fc_hpack_table table;
  uint32_t smallest; /* size since the last block, to be told with the size */
  uint8_t update_due;
  uint8_t huffman; /* where it is shorter; 1 at first */
  /* Where an entry may be, by the hash of field or name: the low bits of its number. A collision forgets the older. */
  uint16_t fields[FC_HPACK_SLOTS];
  uint16_t names[FC_HPACK_NAME_SLOTS];
  uint16_t remembered[FC_HPACK_REMEMBERED]; /* fields that were not indexed when they came first */
} fc_hpack_encoder;

enum fc_hpack_mode {
  FC_HPACK_IF_REPEATED, /* index the field when it comes for the second time; credentials: never */
  FC_HPACK_INDEX,       /* index it at once */
  FC_HPACK_PLAIN,       /* do not index it */
  FC_HPACK_NEVER        /* nor may any intermediary (section 7.1.3) */
};

void fc_hpack_encoder_init(fc_hpack_encoder *encoder, uint32_t most);

/* The size that the other side allows; what is above `most` is not used. */
void fc_hpack_encoder_limit(fc_hpack_encoder *encoder, uint32_t limit);

/* Begins a block: writes the size updates that are due, at most FC_HPACK_UPDATES_MAX bytes. Returns their number. */
size_t fc_hpack_encode_start(fc_hpack_encoder *encoder, char *dst);

/* The most bytes that a field takes. */
static inline size_t fc_hpack_field_bound(size_t name_len, size_t value_len) {
  return name_len + value_len + 24;
}

/* Appends a field whose name is in lower case; texts are shorter than 2^31. Returns the bytes written; 0 = none: the table
 * must grow, then this call is to be made again (or with FC_HPACK_PLAIN, which needs no memory). */
size_t fc_hpack_encode_field(fc_hpack_encoder *encoder, char *dst, const char *name, size_t name_len, const char *value,
                             size_t value_len, enum fc_hpack_mode mode);

#endif
