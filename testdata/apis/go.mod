module github.com/satchel-kit/satchel/testdata/apis

go 1.26.0

require (
	kubernetes.test/release-1-23 v0.0.0
	kubernetes.test/release-1-24 v0.0.0
	kubernetes.test/release-1-25 v0.0.0
	kubernetes.test/release-1-26 v0.0.0
	kubernetes.test/release-1-27 v0.0.0
	kubernetes.test/release-1-28 v0.0.0
	kubernetes.test/release-1-29 v0.0.0
	kubernetes.test/release-1-30 v0.0.0
	kubernetes.test/release-1-31 v0.0.0
	kubernetes.test/release-1-32 v0.0.0
	kubernetes.test/release-1-33 v0.0.0
	kubernetes.test/release-1-34 v0.0.0
	kubernetes.test/release-1-35 v0.0.0
	kubernetes.test/release-1-36 v0.0.0
	kubernetes.test/release-1-37 v0.0.0

	kubernetes.test/aggregator v0.0.0
	kubernetes.test/extensions v0.0.0

	kubernetes.test/kubelet-1-23 v0.0.0
	kubernetes.test/kubelet-1-24 v0.0.0
	kubernetes.test/kubelet-1-25 v0.0.0
	kubernetes.test/kubelet-1-26 v0.0.0
	kubernetes.test/kubelet-1-27 v0.0.0
	kubernetes.test/kubelet-1-28 v0.0.0
	kubernetes.test/kubelet-1-29 v0.0.0
	kubernetes.test/kubelet-1-30 v0.0.0
	kubernetes.test/kubelet-1-31 v0.0.0
	kubernetes.test/kubelet-1-32 v0.0.0
	kubernetes.test/kubelet-1-33 v0.0.0
	kubernetes.test/kubelet-1-34 v0.0.0
	kubernetes.test/kubelet-1-35 v0.0.0
	kubernetes.test/kubelet-1-36 v0.0.0
	kubernetes.test/kubelet-1-37 v0.0.0
	kubernetes.test/proxy-1-23 v0.0.0
	kubernetes.test/proxy-1-24 v0.0.0
	kubernetes.test/proxy-1-25 v0.0.0
	kubernetes.test/proxy-1-26 v0.0.0
	kubernetes.test/proxy-1-27 v0.0.0
	kubernetes.test/proxy-1-28 v0.0.0
	kubernetes.test/proxy-1-29 v0.0.0
	kubernetes.test/proxy-1-30 v0.0.0
	kubernetes.test/proxy-1-31 v0.0.0
	kubernetes.test/proxy-1-32 v0.0.0
	kubernetes.test/proxy-1-33 v0.0.0
	kubernetes.test/proxy-1-34 v0.0.0
	kubernetes.test/proxy-1-35 v0.0.0
	kubernetes.test/proxy-1-36 v0.0.0
	kubernetes.test/proxy-1-37 v0.0.0
)

replace (
	kubernetes.test/release-1-23 => k8s.io/api v0.23.16
	kubernetes.test/release-1-24 => k8s.io/api v0.24.3
	kubernetes.test/release-1-25 => k8s.io/api v0.25.9
	kubernetes.test/release-1-26 => k8s.io/api v0.26.9
	kubernetes.test/release-1-27 => k8s.io/api v0.27.4
	kubernetes.test/release-1-28 => k8s.io/api v0.28.3
	kubernetes.test/release-1-29 => k8s.io/api v0.29.15
	kubernetes.test/release-1-30 => k8s.io/api v0.30.14
	kubernetes.test/release-1-31 => k8s.io/api v0.31.14
	kubernetes.test/release-1-32 => k8s.io/api v0.32.13
	kubernetes.test/release-1-33 => k8s.io/api v0.33.13
	kubernetes.test/release-1-34 => k8s.io/api v0.34.13
	kubernetes.test/release-1-35 => k8s.io/api v0.35.10
	kubernetes.test/release-1-36 => k8s.io/api v0.36.6
	kubernetes.test/release-1-37 => k8s.io/api v0.37.2

	kubernetes.test/aggregator => k8s.io/kube-aggregator v0.37.2
	kubernetes.test/extensions => k8s.io/apiextensions-apiserver v0.37.2

	kubernetes.test/kubelet-1-23 => k8s.io/kubelet v0.23.17
	kubernetes.test/kubelet-1-24 => k8s.io/kubelet v0.24.17
	kubernetes.test/kubelet-1-25 => k8s.io/kubelet v0.25.16
	kubernetes.test/kubelet-1-26 => k8s.io/kubelet v0.26.15
	kubernetes.test/kubelet-1-27 => k8s.io/kubelet v0.27.16
	kubernetes.test/kubelet-1-28 => k8s.io/kubelet v0.28.15
	kubernetes.test/kubelet-1-29 => k8s.io/kubelet v0.29.15
	kubernetes.test/kubelet-1-30 => k8s.io/kubelet v0.30.14
	kubernetes.test/kubelet-1-31 => k8s.io/kubelet v0.31.14
	kubernetes.test/kubelet-1-32 => k8s.io/kubelet v0.32.13
	kubernetes.test/kubelet-1-33 => k8s.io/kubelet v0.33.13
	kubernetes.test/kubelet-1-34 => k8s.io/kubelet v0.34.10
	kubernetes.test/kubelet-1-35 => k8s.io/kubelet v0.35.4
	kubernetes.test/kubelet-1-36 => k8s.io/kubelet v0.36.3
	kubernetes.test/kubelet-1-37 => k8s.io/kubelet v0.37.2
	kubernetes.test/proxy-1-23 => k8s.io/kube-proxy v0.23.17
	kubernetes.test/proxy-1-24 => k8s.io/kube-proxy v0.24.17
	kubernetes.test/proxy-1-25 => k8s.io/kube-proxy v0.25.9
	kubernetes.test/proxy-1-26 => k8s.io/kube-proxy v0.26.13
	kubernetes.test/proxy-1-27 => k8s.io/kube-proxy v0.27.16
	kubernetes.test/proxy-1-28 => k8s.io/kube-proxy v0.28.15
	kubernetes.test/proxy-1-29 => k8s.io/kube-proxy v0.29.15
	kubernetes.test/proxy-1-30 => k8s.io/kube-proxy v0.30.14
	kubernetes.test/proxy-1-31 => k8s.io/kube-proxy v0.31.10
	kubernetes.test/proxy-1-32 => k8s.io/kube-proxy v0.32.13
	kubernetes.test/proxy-1-33 => k8s.io/kube-proxy v0.33.13
	kubernetes.test/proxy-1-34 => k8s.io/kube-proxy v0.34.10
	kubernetes.test/proxy-1-35 => k8s.io/kube-proxy v0.35.4
	kubernetes.test/proxy-1-36 => k8s.io/kube-proxy v0.36.3
	kubernetes.test/proxy-1-37 => k8s.io/kube-proxy v0.37.2
)
