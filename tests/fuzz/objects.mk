# Fuzz targets (LLVMFuzzerTestOneInput); each also links with replay.o to replay its corpus.
FUZZERS :=
