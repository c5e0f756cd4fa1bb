// The memory map shared with native code: native/shared_layout.h says who writes what, and in which
// order. Knows nothing of what is done with it.

// Words (int32) of a ring's control block.
export const SUBMISSION_TAIL = 0;
export const CONSUMED_HEAD = 1;
export const IN_FLIGHT = 2;
export const UNREFERENCED = 3;
export const LOOP_REFERENCED = 4;
export const LIBUV_READY = 5;
export const NOW_MS = 6;
export const SLOTS = 7;
export const LOUD = 17;
export const PUBLISHED_TAIL = 16;
export const TAKEN_HEAD = 32;
export const SLEEPING = 48;
export const COMPLETION_TAIL = 64;
export const LOUD_TAIL = 65;
export const COMPLETION_HEAD = 80;
export const POSTED = 96;
export const PROCESSOR = 97;

// Counters (64 bits) of a ring's control block; ours are float64, native ones uint64.
export const COUNTER_SUBMITTED = 56;
export const COUNTER_COMPLETIONS = 58;
export const COUNTER_BATCHES = 59;
export const COUNTER_STALE = 60;
export const COUNTER_BUFFER_EXHAUSTION = 61;
export const COUNTER_QUEUE_FULL = 62;
export const COUNTER_ENTERS = 64;
export const COUNTER_OVERFLOWS = 65;
export const COUNTER_POSTS = 66;
export const COUNTER_WAKEUPS = 67;

export const CONTROL_BYTES = 1024;

// Values of SLEEPING.
export const SLEEPING_NO = 0;
export const SLEEPING_FOR_WORK = 1;
export const SLEEPING_FOR_ROOM = 2;
export const SLEEPING_FOR_TURN = 3;

// user_data: handler slot in the low word, its generation in the high one.
export const INTERNAL_SLOT = 0;
export const UNHANDLED = 1;
export const COUNTED = 2;
export const SLOT_LIMIT = 262144;
export const DESCRIPTOR_LIMIT = 1048576;
export const RESULT_IS_DESCRIPTOR = 0x40000000;
export const QUIET = 0x20000000;

// Words of a submission queue entry (struct io_uring_sqe, 16 words).
export const SQE_WORDS_SHIFT = 4;
export const SQE_OPCODE_FLAGS_IOPRIO = 0;
export const SQE_FD = 1;
export const SQE_OFFSET = 2;
export const SQE_ADDRESS = 4;
export const SQE_LENGTH = 6;
export const SQE_OPERATION_FLAGS = 7;
export const SQE_USER_DATA = 8;
export const SQE_BUFFER_GROUP = 10;
export const SQE_FILE_INDEX = 11;

// Words of a completion queue entry (struct io_uring_cqe, 4 words).
export const CQE_WORDS_SHIFT = 2;
