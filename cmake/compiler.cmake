# What every file is compiled with. Presets choose among the options; they are never set by hand.
set(READSTATES_SANITIZE "" CACHE STRING "sanitizers to build with, as for -fsanitize=")
set(READSTATES_PRESET "none" CACHE STRING "the preset's name: the first part of each test's name")
option(READSTATES_HARDEN "harden the programs as a distribution would" OFF)
option(READSTATES_FUZZ "build the fuzz targets (clang only)" OFF)
option(READSTATES_JEMALLOC "link jemalloc into the programs" OFF)

# Assertions are the project's own and stay on; nothing else looks at NDEBUG.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g1")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wswitch-enum -Wstrict-prototypes
                    -Wmissing-prototypes -Wvla -Werror)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wthread-safety -Wimplicit-fallthrough)
endif()

find_package(Threads REQUIRED)
link_libraries(Threads::Threads)

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

if(READSTATES_SANITIZE)
  add_compile_options(-fsanitize=${READSTATES_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${READSTATES_SANITIZE})
endif()
if(READSTATES_HARDEN)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
                      -fstack-clash-protection -fcf-protection)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
