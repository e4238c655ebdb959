package plan

import "testing"

func TestAHarborUserHasAMailAddressThatHarborTakes(t *testing.T) {
	for domain, want := range map[string]string{
		"":                "cluster.local",
		"lab":             "cluster.local",
		"example.k8s":     "cluster.local",
		"example.com":     "example.com",
		"superopsmsb.com": "superopsmsb.com",
	} {
		if got := mailDomain(domain); got != want {
			t.Errorf("domain %q: %q, not %q", domain, got, want)
		}
	}
}
