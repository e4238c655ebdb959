package main

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "65536": 65536, "12B": 12, "650M": 650e6, "650MB": 650e6, "650MiB": 650 << 20, "4G": 4e9, "4gib": 4 << 30,
		"4.7G": 4_700_000_000, "1.5KiB": 1536, "1T": 1e12,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "M", "4X", "-4G", "+4G", "4 G", "1e9", "4GG", "9e99T", "0x10", "99999999T", "Inf", "1.2.3M", "NaN"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: got %d", text, got)
		}
	}
}
