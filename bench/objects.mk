# Benchmark programs.
BENCHES :=

BENCHES += bench_service
OBJS-bench_service := bench/bench_service.o bench/floor.o common/clock.o common/fds.o common/log.o common/text.o \
	proto/line.o proto/record.o proto/value.o proto/wire.o
LIBS-bench_service := libcrypto

BENCHES += bench_writer
OBJS-bench_writer := bench/bench_writer.o bench/floor.o common/chan.o common/chan_pair.o common/clock.o common/fds.o common/log.o common/text.o \
	proto/line.o proto/msg.o proto/msg_body.o proto/record.o proto/value.o proto/wire.o
LIBS-bench_writer := libcrypto

BENCHES += bench_evidence
OBJS-bench_evidence := bench/bench_evidence.o bench/loggen.o common/base64.o common/clock.o common/ed25519.o common/fds.o common/hash.o \
	common/log.o common/text.o proto/line.o proto/merkle.o proto/note.o proto/record.o proto/seal.o proto/segname.o proto/value.o proto/wire.o
LIBS-bench_evidence := libcrypto

BENCHES += bench_policy
OBJS-bench_policy := bench/bench_policy.o bench/polgen.o $(POLICY-load) $(POLICY-load-common) common/log.o
LIBS-bench_policy := json-c

BENCHES += bench_usage
OBJS-bench_usage := bench/bench_usage.o
