# shellcheck shell=bash
# What check.sh and lesson.sh say, in Chinese. Each %s stands for the same as in English,
# in the same order.
SAYS+=(
	['check.sh']='用法：./check.sh [--host NAME] [--format text|json] [--list] [章节|检查项...]

  章节            手册中的章节，例如 1.2.2
  检查项          检查项的名称，例如 failover
                  都不写：手册中的全部检查
  --host NAME     指明本机是 NAME；默认先按主机名、再按地址识别
  --format json   输出一个 JSON 对象
  --list          列出各章节及其检查项

环境变量 SATCHEL_LANGUAGE=en 改用英文输出。

退出码：本机能做的检查都没有问题为 0，有问题为 1，用法错误为 2。
应在其他主机上做的检查会说明在哪里执行，记为跳过（skip）。'
	['lesson.sh']='用法：./lesson.sh list
      ./lesson.sh start|check|reset 名称 [--host NAME]

  list          列出排障练习、对应章节和适用的主机
  start 名称    弄坏一处；只在练习所在的主机上执行
  check 名称    修好了吗？修好时退出码为 0
  reset 名称    放弃或收尾：全部恢复原样

  --host NAME   指明本机是 NAME；默认先按主机名、再按地址识别

环境变量 SATCHEL_LANGUAGE=en 改用英文输出。

一次只做一个练习。记录保存在 /var/lib/satchel/lessons，直到 reset。'

	['this machine, %s, is none of the hosts %s; say which one it is with --host NAME']='本机 %s 不在主机 %s 之中，请用 --host NAME 指明是哪一台'
	[' or ']=' 或 '
	['run this on %s']='请在 %s 上执行'
	['%s cannot be read: install.sh has not finished here, or this is not run as root']='无法读取 %s：install.sh 尚未在本机完成，或者没有用 root 执行'
	['the Kubernetes API at %s does not answer']='位于 %s 的 Kubernetes API 没有应答'
	['%s needs a value']='%s 需要一个值'
	['unknown argument: %s']='未知参数：%s'
	['--format is text or json, not %s']='--format 只能是 text 或 json，不能是 %s'
	['there is no chapter or check %s in this guide; ./check.sh --list prints them']='手册中没有章节或检查项 %s，可用 ./check.sh --list 查看'
	['the check itself ended early']='检查程序自身提前退出'

	['on %s']='在 %s 上'
	['say list, or start, check or reset with the name of a lesson']='请写 list，或者 start、check、reset 加练习名称'
	['there is no lesson %s here; ./lesson.sh list prints them']='这里没有练习 %s，可用 ./lesson.sh list 查看'
	['needs root; run it with sudo']='需要 root 权限，请用 sudo 执行'
	['this lesson is for %s, and this is %s']='这个练习应在 %s 上做，而本机是 %s'
	['another lesson.sh is at work on this host; wait for it']='本机上另一个 lesson.sh 正在执行，请等它结束'
	['the lesson %s is not over: ./lesson.sh check %s, then ./lesson.sh reset %s']='练习 %s 还没有结束：先 ./lesson.sh check %s，再 ./lesson.sh reset %s'
	['not started, nothing was changed: something is not well here before the lesson; ./check.sh says what']='没有开始，未做任何改动：练习之前这里就有问题，./check.sh 会指出是什么'
	['could not start, and could not undo; run ./lesson.sh reset %s']='未能开始，也未能撤销，请执行 ./lesson.sh reset %s'
	['could not start; everything is as it was']='未能开始，一切都保持原样'
	['Mend it, then: ./lesson.sh check %s    To give up: ./lesson.sh reset %s']='修好之后执行：./lesson.sh check %s    放弃则执行：./lesson.sh reset %s'
	['the lesson %s is not started: ./lesson.sh start %s']='练习 %s 还没有开始：./lesson.sh start %s'
	['mended. ./lesson.sh reset %s ends the lesson.']='已修好。执行 ./lesson.sh reset %s 结束练习。'
	['not mended yet']='还没有修好'
	['the lesson %s is not started; nothing to do']='练习 %s 没有开始，无需处理'
	['everything is as it was before the lesson %s']='一切已恢复到练习 %s 之前的样子'

	['A colleague says: names of services resolve in pods, names outside the cluster do not any more (wait a minute, CoreDNS reads its configuration now and then).']='同事说：Pod 里能解析服务名，但集群以外的名称解析不了了（等一分钟再看，CoreDNS 隔一段时间才重新读取配置）。'
	['A colleague says: the status page of haproxy on %s shows a control plane as DOWN, and that one says that it is well.']='同事说：%s 上 haproxy 的状态页显示有一台控制平面 DOWN，可那台主机自己一切正常。'
	['A colleague says: the rollout of %s hangs, and one of its pods never gets ready.']='同事说：%s 的滚动更新卡住了，有一个 Pod 始终不能就绪。'
	['A colleague says: kubectl get nodes shows %s as NotReady after a minute, and new pods never start there.']='同事说：一分钟后 kubectl get nodes 显示 %s 为 NotReady，新的 Pod 在那里启动不了。'
	['A colleague says: all nodes are Ready, but after scaling up, pods stay Pending or crowd on few nodes.']='同事说：所有节点都是 Ready，可是扩容之后 Pod 一直 Pending，或者都挤在少数节点上。'
	['A colleague says: kubectl logs and kubectl exec hang for every pod on %s; the node is Ready, and its pods work.']='同事说：对 %s 上的任何 Pod 执行 kubectl logs 和 kubectl exec 都会卡住，但节点是 Ready，Pod 也正常工作。'
	['A colleague says: all pods are Running, but connections to the service %s are refused.']='同事说：所有 Pod 都在 Running，但连接服务 %s 被拒绝。'
	['A colleague says: %s is not on %s, where it belongs, though haproxy and keepalived run here.']='同事说：%s 不在它应在的 %s 上，尽管这里的 haproxy 和 keepalived 都在运行。'

	['unknown']='查不到'
	['nothing']='没有结果'
	['nobody']='没有上游'
	['not there']='不存在'
	['no address']='无地址'
	['%s is %s']='%s 是 %s'
	['%s is there']='%s 存在'
	['there is no %s']='没有 %s'
	['%s is ready']='%s 已就绪'
	['%s runs']='%s 正在运行'
	['%s does not run: systemctl status %s']='%s 没有运行：systemctl status %s'
	['%s starts with the host']='%s 随主机启动'
	['%s does not start with the host: systemctl enable %s']='%s 不会随主机启动：systemctl enable %s'
	['there is no interface %s']='没有网络接口 %s'
	['%s should be %s and is %s']='%s 应为 %s，实际是 %s'
	['%s should be %s and is %s: look into /etc/hosts']='%s 应为 %s，实际是 %s：请查看 /etc/hosts'
	['no swap is in use']='没有使用交换分区'
	['swap is in use: swapoff -a']='正在使用交换分区：swapoff -a'
	['the runtime answers at %s']='容器运行时在 %s 应答'
	['the runtime does not answer at %s: journalctl -u %s']='容器运行时在 %s 没有应答：journalctl -u %s'
	['the registry %s listens at %s']='镜像仓库 %s 在 %s 监听'
	['the registry %s does not listen at %s']='镜像仓库 %s 没有在 %s 监听'
	['%s is not loaded: ./install.sh --only images']='%s 没有导入：./install.sh --only images'
	['all %s images of the bundle are loaded here']='安装包的 %s 个镜像都已导入本机'

	['the Kubernetes API at %s is ready']='位于 %s 的 Kubernetes API 已就绪'
	['%s is %s: look into /etc/kubernetes/manifests']='%s 的状态是 %s：请查看 /etc/kubernetes/manifests'
	['the kubelet is %s']='kubelet 是 %s'
	['the kubelet is %s, and the bundle has %s']='kubelet 是 %s，而安装包是 %s'
	['%s is Ready']='%s 为 Ready'
	['%s is Ready, but takes no new pods: kubectl uncordon %s']='%s 为 Ready，但不接收新的 Pod：kubectl uncordon %s'
	['%s has not joined']='%s 还没有加入集群'
	['%s is not Ready: look at its kubelet, systemctl status kubelet']='%s 不是 Ready：请查看它的 kubelet，systemctl status kubelet'
	['%s is %s, not ready: kubectl -n %s describe pod %s']='%s 的状态是 %s，未就绪：kubectl -n %s describe pod %s'
	['no pod in the namespace %s']='命名空间 %s 中没有 Pod'
	['all %s pods of %s are well']='共 %s 个 Pod，命名空间 %s 一切正常'
	['there is no Deployment at all, not even CoreDNS']='一个 Deployment 都没有，连 CoreDNS 也没有'

	['this host holds %s (%s), as it should']='本机持有 %s（%s），正应如此'
	['this host holds %s (%s), which belongs on %s: is keepalived well there?']='本机持有 %s（%s），它本该在 %s 上：那里的 keepalived 正常吗？'
	['%s (%s) belongs on this host, and is not here: systemctl status keepalived haproxy']='%s（%s）应在本机上，却不在：systemctl status keepalived haproxy'
	['%s (%s) is not here; it belongs on %s']='%s（%s）不在本机，它应在 %s 上'
	['%s (%s) is not here']='%s（%s）不在本机'
	['haproxy answers keepalived']='haproxy 向 keepalived 应答'
	['haproxy does not answer keepalived, which gives the addresses away']='haproxy 没有向 keepalived 应答，虚拟地址会因此移走'
	['haproxy sends to %s at %s']='haproxy 转发到 %s，地址 %s'
	['haproxy sends to %s at %s, where no API server is: look into /etc/haproxy/haproxy.cfg']='haproxy 转发到 %s，地址 %s，但那里没有 API server：请查看 /etc/haproxy/haproxy.cfg'
	['something listens at the address of the API, %s']='API 的地址 %s 有程序监听'
	['nothing listens at the address of the API, %s']='API 的地址 %s 没有程序监听'

	['there is no Deployment %s: kubectl apply -f %s']='没有 Deployment %s：kubectl apply -f %s'
	['%s has %s of %s pods']='%s 的 Pod：%s 个可用，应有 %s 个'
	['%s has %s of %s pods: kubectl -n %s get pods']='%s 的 Pod：只有 %s 个可用，应有 %s 个：kubectl -n %s get pods'
	['%s answers at %s: %s']='%s 在 %s 应答：%s'
	['%s does not answer at %s']='%s 在 %s 没有应答'
	['%s answers: %s']='%s 应答：%s'
	['%s does not answer: look at haproxy on the load balancers']='%s 没有应答：请查看负载均衡器上的 haproxy'
	['%s: all %s pods are of the newest version']='%s：全部 %s 个 Pod 都是最新版本'
	['%s: %s of %s pods are of the newest version, %s are available: kubectl -n %s rollout status %s']='%s：有 %s 个 Pod 是最新版本，应有 %s 个，其中可用 %s 个：kubectl -n %s rollout status %s'

	['there is no service %s']='没有服务 %s'
	['%s is headless: it has no address of its own']='%s 是 headless 服务：没有自己的地址'
	['%s is a name for another name']='%s 是另一个名称的别名'
	['%s is of the type %s, at %s']='%s 的类型是 %s，地址 %s'
	['%s is of the type %s, and should be %s']='%s 的类型是 %s，应为 %s'
	['%s leads to %s']='%s 通向 %s'
	['%s leads to no pod: compare its selector with the labels of the pods (kubectl -n %s get pods --show-labels)']='%s 后面没有 Pod：请对比它的 selector 与 Pod 的标签（kubectl -n %s get pods --show-labels）'
	['kube-proxy is set to %s']='kube-proxy 的模式是 %s'
	['kube-proxy is set to %s, and the spec says %s']='kube-proxy 的模式是 %s，而配置要求 %s'
	['the address of a service works here: %s, that of CoreDNS']='服务地址在本机可用：%s，即 CoreDNS 的地址'
	['the address of a service does not work here: %s, that of CoreDNS']='服务地址在本机不可用：%s，即 CoreDNS 的地址'
	['ipvs is not looked at: this cluster uses %s']='不检查 ipvs：本集群使用 %s'
	['ipvs is not looked at: this cluster uses %s, and the kernel of this host has no ipvs']='不检查 ipvs：本集群使用 %s，且本机内核不支持 ipvs'

	['%s should be %s, and CoreDNS says %s']='%s 应为 %s，CoreDNS 的回答是 %s'
	['CoreDNS asks %s about other names']='其他名称由 CoreDNS 转发给 %s'
	['CoreDNS asks %s about other names, and should ask %s']='其他名称由 CoreDNS 转发给 %s，应转发给 %s'
	['CoreDNS at %s does not know %s']='位于 %s 的 CoreDNS 不认识 %s'
	['%s is its pods: %s']='%s 就是它的各个 Pod：%s'
	['%s is %s, and its pods are %s']='%s 解析为 %s，而它的 Pod 是 %s'

	['%s has no part of %s']='%s 没有分到 %s 中的网段'
	['%s has the same part of %s as %s: %s']='%s 在 %s 中的网段与 %s 相同：%s'
	['%s has %s of %s']='%s 的网段是 %s，取自 %s'
	['flannel is ready on all %s nodes']='flannel 在全部 %s 个节点上就绪'
	['flannel is ready on %s of %s nodes: kubectl -n kube-flannel get pods -o wide']='flannel 就绪的节点有 %s 个，应有 %s 个：kubectl -n kube-flannel get pods -o wide'
	['there is no /run/flannel/subnet.env: flannel has not started here']='没有 /run/flannel/subnet.env：flannel 还没有在本机启动'
	['this node has %s of %s']='本节点的网段是 %s，取自 %s'
	['flannel has the network %s, and the spec says %s']='flannel 的网络是 %s，而配置要求 %s'
	['%s is a vxlan with id %s and port %s']='%s 是 vxlan，编号 %s，端口 %s'
	['%s is no vxlan with id %s and port %s']='%s 不是编号为 %s、端口为 %s 的 vxlan'
	['packets for %s go straight to %s, %s']='发往 %s 的数据包直接到 %s（%s）'
	['packets for %s go to %s: %s wraps them into packets to %s']='发往 %s 的数据包到 %s：由 %s 封装成发往 %s 的数据包'
	['nothing leads to the pods of %s, %s']='没有路径通往 %s（%s）上的 Pod'
	['this is the only node']='只有这一个节点'
)
