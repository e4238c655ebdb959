// Package common stands in for the part of Tencent's SDK that flannel's back end
// for that cloud calls.
package common

// StringPtr makes a pointer to a copy of the string.
func StringPtr(s string) *string { return &s }

// BoolPtr makes a pointer to a copy of the value.
func BoolPtr(b bool) *bool { return &b }

// StringPtrs makes pointers to copies of the strings.
func StringPtrs(list []string) []*string {
	pointers := make([]*string, len(list))
	for i, s := range list {
		pointers[i] = &s
	}
	return pointers
}
