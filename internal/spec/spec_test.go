package spec

import "testing"

func TestTry(t *testing.T) {
	for _, f := range []string{"../../bundles/course-ha", "/tmp/s2.cue", "/tmp/s3.cue"} {
		s, err := Load(f)
		t.Logf("%v\n%v", s, err)
	}
}
