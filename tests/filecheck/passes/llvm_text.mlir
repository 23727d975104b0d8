// RUN: br-opt %s -t llvmir | filecheck %s

module attributes {br.target = #br.target<"x86-64-v4", threads = 1>} {
  // CHECK: target triple = "x86_64-unknown-linux-gnu"

  // Data is bytes: pointers are opaque.
  // CHECK: @w = internal constant [8 x i8] c"\00\00\80?\00\00\00@", align 64
  llvm.mlir.global internal constant @w(dense<[1.0, 2.0]> : tensor<2xf32>)
    {addr_space = 0 : i32, alignment = 64 : i64} : !llvm.array<2 x f32>

  // CHECK: @zero = internal global [3 x [2 x float]] zeroinitializer
  llvm.mlir.global internal @zero() : !llvm.array<3 x array<2 x f32>> {
    %0 = llvm.mlir.zero : !llvm.array<3 x array<2 x f32>>
    llvm.return %0 : !llvm.array<3 x array<2 x f32>>
  }

  // CHECK: @text = private unnamed_addr constant [3 x i8] c"a\22\5C"
  llvm.mlir.global private unnamed_addr constant @text("a\"\\") : !llvm.array<3 x i8>

  // CHECK: @elsewhere = external global i32
  llvm.mlir.global external @elsewhere() : i32

  // CHECK:      define void @types(half %{{.*}}, bfloat %{{.*}}, double %{{.*}}, ptr addrspace(3) %{{.*}}, <2 x i1> %{{.*}}) #0 {
  // CHECK-NEXT: entry:
  // CHECK-NEXT:   ret void
  llvm.func @types(%a: f16, %b: bf16, %c: f64, %d: !llvm.ptr<3>, %e: vector<2xi1>) {
    llvm.return
  }

  // CHECK: define hidden ptr @parameters(ptr noalias align 64 %{{.*}}, ptr nonnull readonly captures(none) dereferenceable(16) %{{.*}})
  llvm.func hidden @parameters(
      %a: !llvm.ptr {llvm.noalias, llvm.align = 64 : i64},
      %b: !llvm.ptr {llvm.nonnull, llvm.readonly, llvm.nocapture,
                     llvm.dereferenceable = 16 : i64, br.note = "not LLVM's"}) -> !llvm.ptr {
    %0 = llvm.mlir.addressof @w : !llvm.ptr
    llvm.return %0 : !llvm.ptr
  }

  // CHECK-LABEL: define i32 @instructions
  // CHECK:         getelementptr inbounds { i32, [4 x i8] }, ptr %p.{{.*}}, i32 0, i32 1, i64 %i.{{.*}}
  // CHECK:         load i8, ptr
  // CHECK:         store i8 %{{.*}}, ptr %p.{{.*}}, align 1, !nontemporal !0
  // CHECK:         zext i8 %{{.*}} to i32
  // CHECK:         udiv exact i32
  // CHECK:         insertvalue { i32, i32 } undef, i32 %{{.*}}, 1
  // CHECK:         extractvalue { i32, i32 } %{{.*}}, 1
  // CHECK:         call i32 (ptr, ...) @printf(ptr @text, i32 %{{.*}})
  // CHECK:         ptrtoint ptr %p.{{.*}} to i64
  // CHECK:         inttoptr i64 %{{.*}} to ptr
  // CHECK:         call void @llvm.prefetch.p0(ptr %{{.*}}, i32 0, i32 3, i32 1)
  // CHECK:         ret i32
  llvm.func @instructions(%p: !llvm.ptr, %i: i64) -> i32 {
    %0 = llvm.getelementptr inbounds %p[0, 1, %i]
       : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.struct<(i32, array<4 x i8>)>
    %1 = llvm.load %0 : !llvm.ptr -> i8
    llvm.store %1, %p {alignment = 1 : i64, nontemporal} : i8, !llvm.ptr
    %2 = llvm.zext %1 : i8 to i32
    %three = llvm.mlir.constant(3 : i32) : i32
    %3 = llvm.udiv exact %2, %three : i32
    %4 = llvm.mlir.undef : !llvm.struct<(i32, i32)>
    %5 = llvm.insertvalue %3, %4[1] : !llvm.struct<(i32, i32)>
    %6 = llvm.extractvalue %5[1] : !llvm.struct<(i32, i32)>
    %7 = llvm.mlir.addressof @text : !llvm.ptr
    %8 = llvm.call @printf(%7, %6) vararg(!llvm.func<i32 (ptr, ...)>) : (!llvm.ptr, i32) -> i32
    %9 = llvm.ptrtoint %p : !llvm.ptr to i64
    %10 = llvm.inttoptr %9 : i64 to !llvm.ptr
    %read = llvm.mlir.constant(0 : i32) : i32
    %data = llvm.mlir.constant(1 : i32) : i32
    llvm.call_intrinsic "llvm.prefetch"(%10, %read, %three, %data)
      : (!llvm.ptr, i32, i32, i32) -> ()
    llvm.return %8 : i32
  }

  // CHECK: declare i32 @printf(ptr, ...)
  llvm.func @printf(!llvm.ptr, ...) -> i32

  // CHECK: declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
  // CHECK: attributes #0 = { nounwind "target-cpu"="x86-64-v4" "target-features"="-prefer-256-bit" "prefer-vector-width"="512" }
  // CHECK: !0 = !{i32 1}
}
