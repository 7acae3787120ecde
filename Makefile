# A thin front of CMake: the commands a user types. `make help` lists them.
BUILD ?= build
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=
FORMAT ?= $(shell command -v clang-format-14 || echo clang-format)
# One build for the tests and for the fuzz targets.
SANITIZED = -DCMAKE_CXX_COMPILER=$(shell command -v clang++-14 || echo clang++) -DHUSH_SANITIZE=ON -DHUSH_FUZZ=ON \
  -DHUSH_BENCH=OFF -DHUSH_CUDA=OFF -DCMAKE_CXX_FLAGS_RELEASE=-O2
THREAD_SANITIZED = -DCMAKE_CXX_COMPILER=$(shell command -v clang++-14 || echo clang++) -DHUSH_THREAD_SANITIZE=ON \
  -DHUSH_BENCH=OFF -DHUSH_CUDA=OFF -DCMAKE_CXX_FLAGS_RELEASE=-O2
SOURCES = $(shell git ls-files '*.cpp' '*.h' '*.cu' '*.cuh')

.DEFAULT_GOAL := build
.PHONY: build help setup demo services test sanitize sanitize-threads bench gpu-test gpu-bench gpu-bundle format format-check lint fuzz datasets clean

build: $(BUILD)/build.ninja  ## Build the programs into apps/
	@cmake --build $(BUILD) -j $(JOBS)

$(BUILD)/build.ninja: | setup
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release $(CMAKE_FLAGS) >$(BUILD).log 2>&1 \
	  || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }; rm -f $(BUILD).log

help:  ## List the commands
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

setup:  ## Install the Debian packages that are missing
	@tools/setup.sh

demo:  ## Train a network on real images, and look at what it sees
	@tools/setup.sh --demo
	@$(MAKE) --no-print-directory build
	@tools/demo.sh

services: build  ## Start dealer, two servers and a client, and classify images that neither server sees
	@tools/quickstart.sh

test: build  ## Build, then run all tests
	@ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

sanitize:  ## All tests under AddressSanitizer and UndefinedBehaviorSanitizer (clang)
	@tools/setup.sh --ci
	@$(MAKE) --no-print-directory test BUILD=build-sanitize CMAKE_FLAGS="$(SANITIZED) $(CMAKE_FLAGS)"

sanitize-threads:  ## All but the programs of training and CUDA's emulator under ThreadSanitizer (clang)
	@tools/setup.sh --ci
	@cmake -S . -B build-sanitize-threads -G Ninja -DCMAKE_BUILD_TYPE=Release $(THREAD_SANITIZED) $(CMAKE_FLAGS) >/dev/null
	@cmake --build build-sanitize-threads -j $(JOBS) --target core_test parallel_test mpc_test nn_test data_test serve_test
	@TSAN_OPTIONS=die_after_fork=0 ctest --test-dir build-sanitize-threads --output-on-failure -j $(JOBS) \
	  -R '^(core|parallel|mpc|nn|data|serve)/'

bench: build  ## Measure speed against ceilings and peers
	@tests/bench/run.sh $(BUILD)

gpu-test: $(BUILD)/build.ninja  ## Run the CUDA tests on this machine's GPU
	@cmake $(BUILD) -DHUSH_CUDA=ON >/dev/null && cmake --build $(BUILD) -j $(JOBS) --target cuda_gpu_test
	@$(BUILD)/tests/cuda/cuda_gpu_test

gpu-bench: $(BUILD)/build.ninja  ## Measure every CUDA kernel on this machine's GPU (ARGS=--versus: and others')
	@cmake $(BUILD) -DHUSH_CUDA=ON >/dev/null && cmake --build $(BUILD) -j $(JOBS) --target gpu_bench
	@tests/cuda/bench/run.sh $(BUILD)/tests/cuda/gpu_bench tests/bench $(ARGS)

gpu-bundle: $(BUILD)/build.ninja  ## Pack GPU tests and benchmark for a machine that has a driver only
	@cmake $(BUILD) -DHUSH_CUDA=ON >/dev/null
	@cmake --build $(BUILD) -j $(JOBS) --target cuda_gpu_test gpu_bench pretrain evaluate
	@tools/gpu_bundle.sh $(BUILD) $(BUILD)/hush-gpu.tar.gz

format:  ## Format all sources
	@$(FORMAT) -i $(SOURCES)

format-check:
	@$(FORMAT) --dry-run -Werror $(SOURCES)

lint: format-check  ## Check format, and clang-tidy all sources
	@tools/lint.py --jobs $(JOBS)

fuzz:  ## Run every fuzz target for a while (SECONDS_EACH=60)
	@tools/setup.sh --ci
	@$(MAKE) --no-print-directory build BUILD=build-sanitize CMAKE_FLAGS="$(SANITIZED) $(CMAKE_FLAGS)"
	@tests/fuzz/run.sh $(or $(SECONDS_EACH),60) build-sanitize

datasets: build  ## Download CIFAR-10 and CIFAR-100, or FROM=DIR: unpack what is at hand
	@tools/datasets.sh $(FROM)

clean:  ## Remove all builds
	@rm -rf build build-*
