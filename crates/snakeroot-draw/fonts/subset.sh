#!/bin/sh
# Makes the two subsets beside it from the full fonts in the directory given.
set -eu
characters="U+0020-007E,U+00A0-017F,U+0192,U+0218-021B,U+02C6,U+02DA,U+02DC,U+0370-03FF,U+0400-045F,\
U+0490,U+0491,U+1E9E,U+2010-2015,U+2018-201E,U+2020-2022,U+2026,U+2030,U+2032,U+2033,\
U+2039,U+203A,U+2044,U+20AC,U+2116,U+2122,U+2190-2195,U+21B5,U+21D0-21D4,U+2200,\
U+2202-2205,U+2208-220B,U+2211,U+2212,U+221A,U+221E,U+2227-222A,U+2248,U+2260,U+2261,\
U+2264,U+2265,U+23CE,U+2500-2503,U+250C,U+2510,U+2514,U+2518,U+251C,U+2524,\
U+252C,U+2534,U+253C,U+2550,U+2551,U+2588,U+2591-2593,U+25A0,U+25A1,U+25B2,U+25B6,\
U+25BC,U+25C0,U+25CA,U+25CB,U+25CF,U+2605,U+2713,U+2717,U+27E8,U+27E9,U+FFFD"
for font in DejaVuSans DejaVuSans-Bold; do
    pyftsubset "$1/$font.ttf" --unicodes="$characters" --output-file="$font-subset.ttf" \
        --no-hinting --layout-features= --notdef-outline --name-IDs=0,1,2,13,14 \
        --drop-tables+=MATH,GSUB,GPOS,GDEF,kern,FFTM,gasp,fpgm,prep,cvt
done
