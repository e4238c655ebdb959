package lock

import (
	"reflect"
	"testing"
)

func TestWithReplacesAddsAndKeepsTheOrder(t *testing.T) {
	old := &Lock{Format: Format, Images: []Image{{Name: "a", Digest: "1"}, {Name: "c", Digest: "1"}}, Files: []File{{Path: "x", SHA256: "1"}}}
	fresh := &Lock{Format: Format, Images: []Image{{Name: "b", Digest: "2"}, {Name: "c", Digest: "2"}}}
	want := &Lock{Format: Format, Images: []Image{{Name: "a", Digest: "1"}, {Name: "b", Digest: "2"}, {Name: "c", Digest: "2"}}, Files: []File{{Path: "x", SHA256: "1"}}}
	if got := old.With(fresh); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if len(fresh.Images) != 2 || len(old.Images) != 2 {
		t.Error("its inputs were changed")
	}
}
