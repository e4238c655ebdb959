// Package errors stands in for the SDK's errors.
package errors

// TencentCloudSDKError is the type that flannel looks for in the client's errors.
// The client here never returns it.
type TencentCloudSDKError struct{}

func (*TencentCloudSDKError) Error() string { return "an error of a cloud that is not built in" }
