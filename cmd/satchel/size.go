package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units are the factors that a size may end in. Those of media are decimal.
var units = map[string]float64{
	"": 1, "B": 1,
	"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
	"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
}

// parseSize reads a size such as 650M, 4.7GB or 4GiB.
func parseSize(text string) (int64, error) {
	at := strings.LastIndexAny(text, "0123456789.") + 1
	factor, known := units[strings.ToUpper(text[at:])]
	number, err := strconv.ParseFloat(text[:at], 64)
	if !known || err != nil || strings.Trim(text[:at], "0123456789.") != "" {
		return 0, fmt.Errorf("%q is not a size, such as 650M, 4.7G (decimal) or 4GiB (binary)", text)
	}
	if number*factor >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is larger than any disk", text)
	}
	return int64(number * factor), nil
}
