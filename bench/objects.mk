# Benchmark programs.
BENCHES :=
